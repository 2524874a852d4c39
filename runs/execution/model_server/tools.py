"""Phrases a step in the words of whatever tools a request offers; it knows tools by their names and parameters only.

Measured with real agents: opencode ``write{filePath, content}``, Claude Code ``Write{file_path, content}``, Gemini CLI
and Qwen Code ``write_file{file_path, content}``, Mistral Vibe ``write_file{path, content}``, OpenHands
``file_editor{command, path, file_text}``. Codex offers nothing to write with to a model that it does not know, so there
the shell writes.
"""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .script import Call, Deed, Shell, Write

Arguments = dict[str, Any]

WRITERS = ("write", "write_file", "create_file", "file_editor", "str_replace_editor", "str_replace_based_edit_tool")
SHELLS = (
    "bash",
    "shell",
    "exec_command",
    "run_shell_command",
    "shell_command",
    "terminal",
    "execute_bash",
    "run_command",
)
PATHS = ("filePath", "file_path", "path", "absolute_path")
TEXTS = ("content", "file_text", "contents", "text")
COMMANDS = ("command", "cmd")
REASON = "A step of the script."
_EXAMPLES: Mapping[str, Any] = {
    "string": REASON,
    "integer": 0,
    "number": 0,
    "boolean": False,
    "array": [],
    "object": {},
}


@dataclass(frozen=True, slots=True)
class Tool:
    """One that a request offers: its name and the JSON schema of its arguments."""

    name: str
    schema: Mapping[str, Any]

    @property
    def parameters(self) -> Mapping[str, Any]:
        return self.schema.get("properties") or {}


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One call of a tool."""

    name: str
    arguments: Arguments


def phrase(step: Deed, tools: Iterable[Tool], *, may_ask: bool = True) -> ToolUse | None:
    """The step as a call of one of the tools; None when none of them can do it.

    ``may_ask``: the model may ask to leave the agent's own sandbox, where the tool has a way to.
    """
    offered = {tool.name.lower(): tool for tool in tools}
    if isinstance(step, Call):
        meant = next((tool for tool in offered.values() if _is_meant(tool, step)), None)
        return _complete(meant, dict(step.arguments)) if meant else None
    writer, shell = _first(offered, WRITERS), _first(offered, SHELLS)
    if isinstance(step, Write) and writer is not None:
        return _write(step, writer)
    if shell is None:
        return None
    command = step.command if isinstance(step, Shell) else _writing_command(step)
    return _run(command, shell, may_ask=may_ask)


def example(schema: Mapping[str, Any]) -> Any:
    """The plainest value that a JSON schema allows, as far as types, enums and required members say."""
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type") or "string"
    kind = str(kind[0] if isinstance(kind, list) else kind).lower()  # Gemini's schemas write OBJECT
    if kind == "object":
        members = schema.get("properties") or {}
        return {name: example(members.get(name) or {}) for name in schema.get("required") or members}
    return _EXAMPLES.get(kind)


def _is_meant(tool: Tool, step: Call) -> bool:
    """Agents put the name of its MCP server before that of a tool."""
    return tool.name == step.tool or tool.name.endswith((f"_{step.tool}", f"/{step.tool}"))


def _first(offered: Mapping[str, Tool], names: Iterable[str]) -> Tool | None:
    return next((offered[name] for name in names if name in offered), None)


def _write(step: Write, tool: Tool) -> ToolUse:
    known = {_named(tool, PATHS): step.path, _named(tool, TEXTS): f"{step.text}\n"}
    if "command" in tool.parameters:
        known["command"] = "create"
    return _complete(tool, known)


def _run(command: str, tool: Tool, *, may_ask: bool) -> ToolUse:
    name = _named(tool, COMMANDS)
    takes_words = (tool.parameters.get(name) or {}).get("type") == "array"
    known: Arguments = {name: ["bash", "-c", command] if takes_words else command}
    if may_ask and "sandbox_permissions" in tool.parameters:  # only for that does Codex ask the person
        known |= {"sandbox_permissions": "require_escalated", "justification": REASON}
    return _complete(tool, known)


def _named(tool: Tool, names: tuple[str, ...]) -> str:
    return next((name for name in names if name in tool.parameters), names[0])


def _complete(tool: Tool, known: Arguments) -> ToolUse:
    """With the required arguments that the script says nothing of."""
    required = [name for name in tool.schema.get("required") or () if name not in known]
    return ToolUse(tool.name, {**known, **{name: example(tool.parameters.get(name) or {}) for name in required}})


def _writing_command(step: Write) -> str:
    path = shlex.quote(step.path)
    return f'mkdir -p "$(dirname {path})" && printf "%s\\n" {shlex.quote(step.text)} > {path}'
