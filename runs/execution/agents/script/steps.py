"""Does one step and reports it as ACP session updates; a step that cannot be done raises, and never half succeeds."""

import uuid
from dataclasses import dataclass
from pathlib import Path

from .blocks import AppendFile, ApplyPatch, Ask, DeleteFile, Say, Shell, Sleep, Step, WriteFile
from .changes import changes_of
from .commands import CommandNotStarted, CommandResult, ShellBlock, run_block
from .conversation import Conversation, TurnCancelled
from .diffs import DiffRefused
from .files import FileStepFailed
from .output import StreamCapture
from .paths import PathRefused
from .permissions import NotAllowed, require_answer, require_leave
from .protocol import CallCancelled, Json, RpcError
from .state import SessionState

_TITLE_CHARACTERS = 200
_FAILURES = (NotAllowed, PathRefused, FileStepFailed, DiffRefused, CommandNotStarted, RpcError, OSError)


class StepFailed(Exception):
    """The step was not done; the message says why in plain words."""


@dataclass(frozen=True, slots=True)
class StepContext:
    """What every step needs: the line to the client and the session's state."""

    conversation: Conversation
    state: SessionState


def do_step(step: Step, context: StepContext) -> None:
    """Do it, or raise StepFailed or TurnCancelled."""
    if isinstance(step, Say):
        _say(step, context.conversation)
    elif isinstance(step, Sleep):
        _sleep(step, context.conversation)
    elif isinstance(step, Shell | WriteFile | AppendFile | DeleteFile | ApplyPatch | Ask):
        _do_tool(step, context)


def _say(step: Say, conversation: Conversation) -> None:
    content = {"type": "text", "text": step.text}
    update = {"sessionUpdate": "agent_message_chunk", "messageId": uuid.uuid4().hex, "content": content}
    conversation.show(update, is_remembered=True)


def _sleep(step: Sleep, conversation: Conversation) -> None:
    if conversation.is_cancelled.wait(step.seconds):
        raise TurnCancelled


def _do_tool(step: Shell | WriteFile | AppendFile | DeleteFile | ApplyPatch | Ask, context: StepContext) -> None:
    call = ToolCall(context.conversation)
    try:
        if isinstance(step, Shell):
            _run_shell(step, call, context)
        elif isinstance(step, Ask):
            _ask(step, call, context)
        else:
            _change_files(step, call, context)
    except (TurnCancelled, CallCancelled):
        call.finish("failed", {"rawOutput": {"reason": "cancelled"}})
        raise TurnCancelled from None
    except _FAILURES as error:
        call.finish("failed", {"rawOutput": {"reason": str(error)}})
        raise StepFailed(str(error)) from None
    except StepFailed:
        call.finish("failed", {})
        raise


class ToolCall:
    """One ACP tool call, from its start to its one end."""

    def __init__(self, conversation: Conversation) -> None:
        self.call_id = uuid.uuid4().hex
        self._conversation = conversation
        self._start: Json = {}
        self._is_finished = False

    def start(self, title: str, kind: str, details: Json) -> Json:
        """Tell the start; gives the tool call as a permission request shows it."""
        self._start = {"toolCallId": self.call_id, "title": title[:_TITLE_CHARACTERS], "kind": kind} | details
        self._conversation.show({"sessionUpdate": "tool_call", "status": "pending"} | self._start)
        return {"status": "pending"} | self._start

    def update(self, details: Json) -> None:
        """Tell something new about the call."""
        self._conversation.show({"sessionUpdate": "tool_call_update", "toolCallId": self.call_id} | details)

    def finish(self, status: str, details: Json) -> None:
        """Tell the end, once; a call that never started has none."""
        if self._is_finished or not self._start:
            return
        self._is_finished = True
        update = {"sessionUpdate": "tool_call_update", "toolCallId": self.call_id, "status": status} | details
        self._conversation.finish_tool(self._start, update)


def _ask(step: Ask, call: ToolCall, context: StepContext) -> None:
    content = [{"type": "content", "content": {"type": "text", "text": step.question}}]
    details: Json = {"rawInput": {"question": step.question}, "content": content}
    require_answer(call.start(step.question.split("\n")[0], "other", details), context.conversation)
    call.finish("completed", {})


def _change_files(step: WriteFile | AppendFile | DeleteFile | ApplyPatch, call: ToolCall, context: StepContext) -> None:
    root = context.conversation.work_tree
    changes = changes_of(step, root)
    places = [change.place(root) for change in changes]
    details: Json = {"locations": [{"path": path} for path in places]}
    if content := [part for change in changes for part in change.as_content(root)]:
        details["content"] = content
    kind = "delete" if isinstance(step, DeleteFile) else "edit"
    title = f"{step.word} {', '.join(change.path for change in changes)}"
    require_leave(step.word, call.start(title, kind, details), context.state, context.conversation)
    call.update({"status": "in_progress"})
    for change in changes:
        change.apply(root)
    call.finish("completed", {})


def _run_shell(step: Shell, call: ToolCall, context: StepContext) -> None:
    conversation = context.conversation
    command = {"command": step.script.strip("\n"), "cwd": str(conversation.work_tree)}
    title = step.script.strip().split("\n")[0] or "(empty block)"
    require_leave(step.word, call.start(title, "execute", {"rawInput": command}), context.state, conversation)
    call.update({"status": "in_progress"})
    captures = _captures(call.call_id, conversation.output_folder)
    try:
        result = _run_captured(step, call, conversation, captures)
    finally:
        for capture in captures:
            capture.close()
    reason = _failure(result, step)
    call.finish("failed" if reason else "completed", _command_end(result, captures))
    if result.is_cancelled:
        raise TurnCancelled
    if reason and not step.is_failure_allowed:
        raise StepFailed(reason)


def _run_captured(
    step: Shell, call: ToolCall, conversation: Conversation, captures: tuple[StreamCapture, StreamCapture]
) -> CommandResult:
    def show(stream: str, text: str) -> None:
        call.update({"_meta": {"quarterdeck": {"output": {"stream": stream, "data": text}}}})

    script_path = conversation.output_folder / f"{call.call_id}.sh"
    block = ShellBlock(step.script, conversation.work_tree, script_path, step.timeout_seconds)
    return run_block(block, captures, show, conversation.is_cancelled)


def _captures(call_id: str, folder: Path) -> tuple[StreamCapture, StreamCapture]:
    return (
        StreamCapture("stdout", folder / f"{call_id}.stdout"),
        StreamCapture("stderr", folder / f"{call_id}.stderr"),
    )


def _failure(result: CommandResult, step: Shell) -> str | None:
    if result.is_cancelled:
        return "cancelled"
    if result.is_timed_out:
        return f"timed out after {step.timeout_seconds:g} s"
    if result.exit_code < 0:
        return f"killed by signal {-result.exit_code}"
    return f"exit code {result.exit_code}" if result.exit_code else None


def _command_end(result: CommandResult, captures: tuple[StreamCapture, StreamCapture]) -> Json:
    raw_output: Json = {capture.name: capture.text() for capture in captures}
    files = {capture.name: str(capture.path) for capture in captures}
    left_out = {capture.name: capture.left_out_bytes for capture in captures if capture.left_out_bytes}
    meta: Json = {"outputFiles": files} | ({"leftOutBytes": left_out} if left_out else {})
    return {
        "rawOutput": raw_output | {"exit_code": result.exit_code, "is_timed_out": result.is_timed_out},
        "_meta": {"quarterdeck": meta},
    }
