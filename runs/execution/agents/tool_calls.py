"""Follows tool calls by their id, from ``tool_call``, ``tool_call_update`` and permission requests alike.

Agents send these in any order and in part (measured: Gemini and Qwen may begin with the permission request, Vibe's
names only the id), so each is merged into what is known, and a start is told once its substance is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from .payload import list_of, text_of, value_of, whole_number_of
from .updates import AgentUpdate, CommandFinished, CommandOutput, CommandStarted, Stream, ToolFinished, ToolStarted

_ENDS: dict[str | None, Literal["completed", "failed"]] = {"completed": "completed", "failed": "failed"}


@dataclass(slots=True)
class ToolCall:
    """All that is known of one tool call."""

    tool_call_id: str
    title: str = ""
    kind: str = ""
    command: str | None = None
    cwd: str | None = None
    paths: tuple[str, ...] = ()
    text: str = ""
    is_told: bool = False
    is_finished: bool = False

    @property
    def is_command(self) -> bool:
        """Whether it runs a command, as far as is known by now."""
        return self.kind == "execute" or (self.kind in ("", "other") and self.command is not None)

    def merge(self, payload: dict[str, Any]) -> None:
        """Take over what a payload says; what it leaves out stays."""
        self.title = text_of(payload, "title") or self.title
        self.kind = text_of(payload, "kind") or self.kind
        self.command = _command_of(payload) or self.command
        self.cwd = text_of(payload, "rawInput", "cwd") or self.cwd
        paths = [text_of(location, "path") for location in list_of(payload, "locations")]
        self.paths = tuple(path for path in paths if path) or self.paths
        self.text = content_text(payload) or self.text


class ToolCalls:
    """The tool calls of one session."""

    def __init__(self) -> None:
        self._calls: dict[str, ToolCall] = {}

    def known(self, tool_call_id: str) -> ToolCall:
        """The call of that id, new if need be."""
        return self._calls.setdefault(tool_call_id, ToolCall(tool_call_id))

    def take(self, payload: dict[str, Any], *, is_asking: bool = False) -> tuple[AgentUpdate, ...] | None:
        """What is new by this payload; None when it has no id or its call has ended before."""
        tool_call_id = text_of(payload, "toolCallId")
        if tool_call_id is None or self.known(tool_call_id).is_finished:
            return None
        call = self.known(tool_call_id)
        call.merge(payload)
        status = text_of(payload, "status")
        end = _ENDS.get(status)
        is_due = is_asking or status in ("in_progress", *_ENDS) or call.command is not None or not call.is_command
        told = tuple(_start(call)) if is_due and call.title + call.kind + (call.command or "") else ()
        return (*told, *_output(call, payload), *(_finish(call, payload, end) if end else ()))


def content_text(payload: dict[str, Any]) -> str:
    """The texts of ACP tool call content, joined."""
    texts = [text_of(part, "content", "text") for part in list_of(payload, "content")]
    return "\n".join(text for text in texts if text)


def _command_of(payload: dict[str, Any]) -> str | None:
    words = list_of(payload, "rawInput", "command")
    if words and all(isinstance(word, str) for word in words):
        return " ".join(words)
    return text_of(payload, "rawInput", "command")


def _start(call: ToolCall) -> Iterator[AgentUpdate]:
    if call.is_told:
        return
    call.is_told = True
    if call.is_command:
        yield CommandStarted(call.tool_call_id, call.command or call.title, call.cwd)
    else:
        yield ToolStarted(call.tool_call_id, call.title, call.kind or "other", call.paths)


def _output(call: ToolCall, payload: dict[str, Any]) -> Iterator[AgentUpdate]:
    output = value_of(payload, "_meta", "quarterdeck", "output")
    stream, text = text_of(output, "stream"), text_of(output, "data")
    streams: dict[str | None, Stream] = {"stdout": "stdout", "stderr": "stderr"}
    if call.is_command and stream in streams and text:
        yield CommandOutput(call.tool_call_id, streams[stream], text)


def _finish(call: ToolCall, payload: dict[str, Any], status: Literal["completed", "failed"]) -> Iterator[AgentUpdate]:
    yield from _start(call)
    call.is_finished = True
    reason = text_of(payload, "rawOutput", "reason") or ""
    if not call.is_command:
        yield ToolFinished(
            call.tool_call_id, status, call.title, call.kind or "other", call.paths, reason or content_text(payload)
        )
        return
    raw_output = value_of(payload, "rawOutput")
    exit_code = whole_number_of(raw_output, "exit_code")
    files = value_of(payload, "_meta", "quarterdeck", "outputFiles")
    stdout = text_of(raw_output, "stdout")
    yield CommandFinished(
        tool_call_id=call.tool_call_id,
        status=status,
        exit_code=exit_code if exit_code is not None else whole_number_of(raw_output, "exitCode"),
        stdout=stdout if stdout is not None else call.text,
        stderr=text_of(raw_output, "stderr") or "",
        stdout_file=text_of(files, "stdout"),
        stderr_file=text_of(files, "stderr"),
        reason=reason,
    )
