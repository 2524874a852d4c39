"""How agents tell of commands that draw them as terminals: `_meta.terminal_output_delta` and `_meta.terminal_exit`.

Claude Code and Codex do, for clients that say that they can (it is a habit of their ACP adapters, no word of ACP).
Standard output and error come as one.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .dialect import CommandResult, Dialect, OutputPiece, Written, plain_result
from .payload import list_of, text_of, value_of, whole_number_of

OUTPUTS = ".codex/outputs"
"""Where Codex's commands keep what they write, below the run's home."""
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_SAID_EXIT = re.compile(r"Exit code (\d{1,10})(?:\n|\Z)")


def terminal_output(payload: Mapping[str, Any], _: Written) -> OutputPiece | None:
    """A piece of what the terminal shows."""
    text = text_of(payload, "_meta", "terminal_output_delta", "data")
    return OutputPiece("stdout", text) if text else None


def terminal_result(payload: Mapping[str, Any], text: str) -> CommandResult:
    """The terminal's exit code; its output is what was written."""
    exit_code = whole_number_of(payload, "_meta", "terminal_exit", "exit_code")
    return replace(plain_result(payload, text), exit_code=exit_code)


def claude_result(payload: Mapping[str, Any], text: str) -> CommandResult:
    """Claude Code writes the exit code in front of the output of a command that failed (its number beside it was
    missing in some releases), and says in its place why a command did not run."""
    result = terminal_result(payload, text)
    if text_of(payload, "_meta", "claudeCode", "nonExecutionKind") is not None:
        return CommandResult(stdout="", reason=text)
    said = _SAID_EXIT.match(text)
    if said is None or text_of(payload, "status") != "failed" or result.exit_code not in (None, int(said[1])):
        return result
    return replace(result, exit_code=int(said[1]), stdout=text[said.end() :])


def codex_result(payload: Mapping[str, Any], text: str) -> CommandResult:
    """The shell of the profile keeps both streams whole, below the run's home."""
    name = text_of(payload, "toolCallId") or ""
    result = terminal_result(payload, text)
    if not _PLAIN_NAME.fullmatch(name) or result.exit_code is None:
        return result
    return replace(result, stdout_file=f"{OUTPUTS}/{name}.stdout", stderr_file=f"{OUTPUTS}/{name}.stderr")


def codex_plainly(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Codex has the calls of MCP servers' tools for commands, and asks about one by its id and that alone."""
    content = list_of(payload, "rawOutput", "result", "content")
    if content:
        payload = {**payload, "content": [{"type": "content", "content": each} for each in content]}
    if value_of(payload, "_meta", "is_mcp_tool_call") is True:
        return {**payload, "kind": "other"}
    if text_of(payload, "kind") == "execute" and not payload.keys() & {"title", "rawInput"}:
        return {name: value for name, value in payload.items() if name != "kind"}
    return payload


_META = {"terminal_output_delta": True}
CODEX_DIALECT = Dialect(plainly=codex_plainly, output=terminal_output, result=codex_result, client_meta=_META)
CLAUDE_DIALECT = Dialect(output=terminal_output, result=claude_result, client_meta=_META, is_live=False)
