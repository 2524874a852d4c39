"""Follows tool calls by their id, from ``tool_call``, ``tool_call_update`` and permission requests alike.

Agents send these in any order and in part (measured: Gemini and Qwen may begin with the permission request, Vibe's
names only the id), so each is merged into what is known, and a start is told once its substance is known.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .dialect import PLAIN, CommandResult, Dialect, Written
from .payload import list_of, text_of
from .split_shell import with_kept_files
from .updates import AgentUpdate, CommandFinished, CommandOutput, CommandStarted, Outcome, ToolFinished, ToolStarted

SHOWN_TOGETHER, LEAST_OF_ONE = 1_900, 12
"""Characters of a question about several calls (of which 2,000 are shown), and of one of them at least."""
MOST_EXIT_CODE = 2**31 - 1
"""What a system can give, and a database keep. An agent that says otherwise has not said."""
_REFUSED = "Refused."
_ENDS: dict[str | None, Outcome] = {"completed": "completed", "failed": "failed"}


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
    written: Written = field(default_factory=Written)
    is_told: bool = False
    is_finished: bool = False
    is_refused: bool = False

    @property
    def is_command(self) -> bool:
        """Whether it runs a command, as far as is known by now."""
        return self.kind == "execute" or (self.kind in ("", "other") and self.command is not None)

    def merge(self, payload: Mapping[str, Any]) -> None:
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

    def __init__(self, dialect: Dialect = PLAIN) -> None:
        self._dialect = dialect
        self._calls: dict[str, ToolCall] = {}

    def known(self, tool_call_id: str) -> ToolCall:
        """The call of that id, new if need be."""
        return self._calls.setdefault(tool_call_id, ToolCall(tool_call_id))

    def asked_about(self, tool_call_id: str) -> ToolCall:
        """What a request for permission with that id is about."""
        begun = [call for call in self._calls.values() if call.is_told and not call.is_finished]
        if not self._dialect.asks_about_begun or not begun:
            return self.known(tool_call_id)
        return begun[0] if len(begun) == 1 else _together(tool_call_id, begun)

    def take(self, payload: Mapping[str, Any], *, is_asking: bool = False) -> tuple[AgentUpdate, ...] | None:
        """What is new by this payload; None when it has no id or its call has ended before."""
        payload = self._dialect.plainly(payload)
        tool_call_id = text_of(payload, "toolCallId")
        if tool_call_id is None or self.known(tool_call_id).is_finished:
            return None
        call = self.known(tool_call_id)
        call.merge(payload)
        status = text_of(payload, "status")
        end = _ENDS.get(status)
        is_due = is_asking or status in ("in_progress", *_ENDS) or _is_known(call, payload)
        told = tuple(_start(call)) if is_due and call.title + call.kind + (call.command or "") else ()
        return (*told, *self._output(call, payload), *(self._finish(call, payload, end) if end else ()))

    def end_refused(self) -> tuple[AgentUpdate, ...]:
        """The ends of calls that were refused and never heard of again (seen with Qwen Code)."""
        left = [call for call in self._calls.values() if call.is_refused and not call.is_finished]
        return tuple(update for call in left for update in _refused(call))

    def _output(self, call: ToolCall, payload: Mapping[str, Any]) -> Iterator[AgentUpdate]:
        piece = self._dialect.output(payload, call.written) if call.is_command else None
        if piece is not None:
            yield from _start(call)
            call.written.add(piece.text)
            if self._dialect.is_live:
                yield CommandOutput(call.tool_call_id, piece.stream, piece.text)

    def _finish(self, call: ToolCall, payload: Mapping[str, Any], status: Outcome) -> Iterator[AgentUpdate]:
        yield from _start(call)
        call.is_finished = True
        text = call.written.text or call.text
        result = self._dialect.result(payload, text)
        if self._dialect.shell_command and call.is_command and (command := call.command):
            result = with_kept_files(result, self._dialect.shell_command(command))
        stdout = text if result.stdout is None else result.stdout
        if not call.is_command:
            said = result.reason or content_text(payload)
            yield ToolFinished(call.tool_call_id, status, call.title, call.kind or "other", call.paths, said)
            return
        if stdout and not self._dialect.is_live:
            yield CommandOutput(call.tool_call_id, "stdout", stdout)
        yield _end(call, status, replace(result, stdout=stdout))
        call.written = Written()


def content_text(payload: Mapping[str, Any]) -> str:
    """The texts of ACP tool call content, joined."""
    texts = [text_of(part, "content", "text") for part in list_of(payload, "content")]
    return "\n".join(text for text in texts if text)


def _together(tool_call_id: str, calls: Sequence[ToolCall]) -> ToolCall:
    """Several calls that are asked about at once: there is one answer to all of them, so a long one hides no other."""
    room = max(LEAST_OF_ONE, SHOWN_TOGETHER // len(calls) - len("100. \n"))
    lines = [f"{number}. {_begun(call.command or call.title, room)}" for number, call in enumerate(calls, start=1)]
    if sum(len(line) + 1 for line in lines) > SHOWN_TOGETHER:
        lines.insert(0, f"{len(calls)} actions, more than can be shown here:")
    paths = tuple(path for call in calls for path in call.paths)
    return ToolCall(tool_call_id, f"{len(calls)} actions at once", "other", paths=paths, text="\n".join(lines))


def _begun(text: str, room: int) -> str:
    """As much as there is room for; lines of it are set in, so that none looks like another action."""
    whole = text.replace("\n", "\n   ")
    return whole if len(whole) <= room else f"{whole[: room - 1]}…"


def _refused(call: ToolCall) -> Iterator[AgentUpdate]:
    yield from _start(call)
    call.is_finished = True
    if not call.is_command:
        yield ToolFinished(call.tool_call_id, "failed", call.title, call.kind or "other", call.paths, _REFUSED)
        return
    yield _end(call, "failed", CommandResult(stdout="", reason=_REFUSED))


def _end(call: ToolCall, status: Outcome, result: CommandResult) -> CommandFinished:
    return CommandFinished(
        tool_call_id=call.tool_call_id,
        status=status,
        exit_code=result.exit_code if result.exit_code is None or abs(result.exit_code) <= MOST_EXIT_CODE else None,
        stdout=result.stdout or "",
        stderr=result.stderr,
        stdout_file=result.stdout_file,
        stderr_file=result.stderr_file,
        reason=result.reason,
        exit_code_file=result.exit_code_file,
        left_out_bytes=result.left_out_bytes,
    )


def _is_known(call: ToolCall, payload: Mapping[str, Any]) -> bool:
    """Whether what it is to do is known, as far as one can tell; with an empty input, the model is still at it."""
    return call.command is not None if call.is_command else payload.get("rawInput") != {}


def _command_of(payload: Mapping[str, Any]) -> str | None:
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
