"""Qwen Code (npm `@qwen-code/qwen-code`): https://qwenlm.github.io/qwen-code-docs/, tried with 0.15.10.

Its settings are those of an administrator, above the repository's. In safe mode the work tree is no trusted folder:
what the repository brings of settings, hooks, MCP servers, agents and variables is not read, and no mode that asks less
can be chosen. Each command and each change asks by a rule of its own, as it would else run what it takes for harmless;
such a rule also keeps it from offering "always", by which it would allow more than was asked for. Of a refused call
it says nothing more.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from .dialect import CommandResult, Dialect, plain_result
from .installed import node_command, program, readable
from .profile import AgentProfile, ModelAccess, OutputStyle, Setting
from .split_shell import SHELL_FILE, shell_by_command

_PROGRAM = "qwen"
_SETTINGS, _FOLDERS = ".qwen/administrator.json", ".qwen/trustedFolders.json"
_ASKING = ("Bash", "Edit", "Write", "Monitor", "WebFetch", "SaveMemory")
_UNUSED = ("ask_user_question",)  # its answers do not fit into ACP
_SAID = re.compile(r"\nOutput: (.*)\nError: .*\nExit Code: (\d{1,3})\n", re.DOTALL)


def _environment(setting: Setting) -> Mapping[str, str]:
    own = {
        "QWEN_CODE_SYSTEM_SETTINGS_PATH": str(setting.home / _SETTINGS),
        "QWEN_CODE_TRUSTED_FOLDERS_PATH": str(setting.home / _FOLDERS),
        "QWEN_CODE_NO_RELAUNCH": "true",
        "NO_BROWSER": "1",
        "BASH_ENV": str(setting.home / SHELL_FILE),
    }
    return own | (_model(setting.access) if setting.access else {})


def _model(access: ModelAccess) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": f"{access.base_url}/openai/v1",
        "OPENAI_API_KEY": access.token,
        "OPENAI_MODEL": access.model,
    }


def _files(setting: Setting) -> Mapping[str, str]:
    folders = {str(setting.work_tree): "DO_NOT_TRUST"} if setting.is_safe else {}
    return {
        _SETTINGS: json.dumps(_settings(setting)),
        _FOLDERS: json.dumps(folders),
        SHELL_FILE: shell_by_command(),
    }


def _settings(setting: Setting) -> Mapping[str, Any]:
    rules: dict[str, Any] = {"deny": list(_UNUSED)}
    if setting.is_safe:
        rules["ask"] = list(_ASKING)
    return {
        "$version": 4,
        "security": {"auth": {"selectedType": "openai"}, "folderTrust": {"enabled": setting.is_safe}},
        "permissions": rules,
        "tools": {
            "approvalMode": "default" if setting.is_safe else "yolo",
            "shell": {"enableInteractiveShell": False},
        },
        "general": {"enableAutoUpdate": False, "gitCoAuthor": False},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "memory": {"enableManagedAutoMemory": False, "enableManagedAutoDream": False},
        "model": {"name": setting.access.model} if setting.access else {},
    }


def _result(payload: Mapping[str, Any], text: str) -> CommandResult:
    """Output and exit code are in the text that the model gets, in the middle of others."""
    said = _SAID.search(text)
    if said is None:
        return plain_result(payload, text)
    return CommandResult(exit_code=int(said[2]), stdout="" if said[1] == "(empty)" else said[1])


QWEN = AgentProfile(
    key="qwen",
    name="Qwen Code",
    command=lambda setting: (*node_command(setting, _PROGRAM), "--acp"),
    read_only=lambda setting: readable(setting, program(setting, "node"), program(setting, _PROGRAM)),
    safe_mode="default",
    free_mode="yolo",
    is_resumable=True,
    needs_login=False,
    needs_network=False,
    output_style=OutputStyle.MERGED_AT_END,
    environment=_environment,
    files=_files,
    dialect=Dialect(result=_result, is_live=False, shell_command=str.strip),
)
