"""Gemini CLI (npm `@google/gemini-cli`): https://geminicli.com/docs/, tried with 0.61.0.

In safe mode the work tree is no trusted folder: what the repository brings of settings, hooks, MCP servers, extensions,
policies and variables is not read. A policy of the user's has each command asked for, as it would else run what it
takes for harmless; it has a pattern, since only rules that have one are not weakened by that. It tells neither the
exit codes of commands nor, of a refused call, that it ended. Of a former session it knows nothing, or opens it empty
(seen after a kill -9 and after an end in peace), so it is told what has happened.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from .dialect import CommandResult, Dialect
from .installed import node_command, program, readable
from .payload import text_of, whole_number_of
from .profile import AgentProfile, ModelAccess, OutputStyle, Setting
from .split_shell import SHELL_FILE, shell_by_command
from .tool_calls import content_text
from .updates import TokenUsage

_PROGRAM = "gemini"
_SAFE_MODE, _FREE_MODE = "default", "yolo"
_SETTINGS, _POLICY = ".gemini/settings.json", ".gemini/policies/quarterdeck.toml"
_SAFE_POLICY = """\
[[rule]]
toolName = "run_shell_command"
argsPattern = "command"
decision = "ask_user"
priority = 999

[[rule]]
toolName = ["write_file", "replace", "web_fetch", "google_web_search", "activate_skill", "save_memory"]
decision = "ask_user"
priority = 999
"""
# What its shell is given: the command on lines of its own, between others of the agent's.
_COMMAND = """\
"$(quarterdeck_command=${BASH_EXECUTION_STRING#*"' EXIT"$'\\n'}
    printf %s "${quarterdeck_command%$'\\n)\\n__code='*}")\""""
_ENDS = ("completed", "failed")
_BLOCKED = "Blocked: "
_SAID_EXIT = re.compile(r"Command exited with code: (\d{1,3})")  # in place of output, where there was none
_WRAPPED = re.compile(r"""\s*(?:\S+/)?(?:sh|bash|zsh)\s+-c\s+(.*)""", re.IGNORECASE | re.DOTALL)


def _command(setting: Setting) -> tuple[str, ...]:
    """It begins in its mode: one that is chosen later it announces in a message."""
    mode = _SAFE_MODE if setting.is_safe else _FREE_MODE
    return (*node_command(setting, _PROGRAM), "--acp", "--approval-mode", mode)


def _environment(setting: Setting) -> Mapping[str, str]:
    own = {
        "GEMINI_CLI_TRUST_WORKSPACE": "false" if setting.is_safe else "true",
        "GEMINI_CLI_NO_RELAUNCH": "true",
        "NO_BROWSER": "1",
        "BASH_ENV": str(setting.home / SHELL_FILE),
    }
    return own | (_model(setting.access) if setting.access else {})


def _model(access: ModelAccess) -> dict[str, str]:
    return {
        "GOOGLE_GEMINI_BASE_URL": f"{access.base_url}/google",
        "GEMINI_API_KEY": access.token,
        "GEMINI_MODEL": access.model,
    }


def _files(setting: Setting) -> Mapping[str, str]:
    policy = _SAFE_POLICY if setting.is_safe else ""
    return {_SETTINGS: json.dumps(_settings(setting)), _POLICY: policy, SHELL_FILE: shell_by_command(_COMMAND)}


def _settings(setting: Setting) -> Mapping[str, Any]:
    return {
        "security": {
            "auth": {"selectedType": "gemini-api-key"},
            "folderTrust": {"enabled": setting.is_safe},
            "disableYoloMode": setting.is_safe,
            "disableAlwaysAllow": setting.is_safe,
        },
        "tools": {"shell": {"enableInteractiveShell": False}},
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
    }


def _shell_command(command: str) -> str:
    """It takes a shell off that the command names itself."""
    wrapped = _WRAPPED.fullmatch(command)
    inner = wrapped[1].strip() if wrapped else command
    is_quoted = wrapped and len(inner) >= 2 and inner[0] == inner[-1] and inner[0] in "'\""
    return (inner[1:-1] if is_quoted else inner).strip()


def _plainly(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its title of a command is the command, and what it says of one beforehand is where it runs and what for."""
    if text_of(payload, "kind") != "execute":
        return payload
    plain = {**payload, "rawInput": {"command": text_of(payload, "title")}}
    return plain if text_of(payload, "status") in _ENDS else {**plain, "content": []}


def _result(payload: Mapping[str, Any], _: str) -> CommandResult:
    """What is told with the end is output, or why there is none; the shell has kept the rest."""
    text = content_text(payload)
    if said := _SAID_EXIT.fullmatch(text):
        return CommandResult(exit_code=int(said[1]), stdout="")
    has_not_run = text_of(payload, "status") == "failed" or text.startswith(_BLOCKED)
    return CommandResult(stdout="" if has_not_run else text, reason=text if has_not_run else "")


def _usage(answer: Mapping[str, Any]) -> TokenUsage | None:
    path = ("_meta", "quota", "token_count")
    taken, given = (whole_number_of(answer, *path, name) for name in ("input_tokens", "output_tokens"))
    return None if taken is None or given is None else TokenUsage(taken + given, taken, given, 0, 0)


GEMINI = AgentProfile(
    key="gemini",
    name="Gemini CLI",
    command=_command,
    read_only=lambda setting: readable(setting, program(setting, "node"), program(setting, _PROGRAM)),
    safe_mode=_SAFE_MODE,
    free_mode=_FREE_MODE,
    is_resumable=False,
    needs_login=False,
    needs_network=False,
    output_style=OutputStyle.MERGED_AT_END,
    environment=_environment,
    files=_files,
    dialect=Dialect(plainly=_plainly, result=_result, usage=_usage, is_live=False, shell_command=_shell_command),
)
