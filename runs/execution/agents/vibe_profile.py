"""Mistral Vibe (PyPI `mistral-vibe`): https://docs.mistral.ai/mistral-vibe/, tried with 3.0.2.

Left alone it writes without asking. In safe mode it is in its mode `ask`, with no command and no file that needs no
asking, and the work tree is no trusted folder: what the repository brings of settings, tools, hooks and agents is not
read. Its "always" allows more than was asked for, so it is not offered.
"""

import json
from collections.abc import Mapping
from typing import Any

from .dialect import CommandResult, Dialect, plain_result
from .installed import python_command, readable_environment
from .payload import text_of
from .profile import AgentProfile, ModelAccess, OutputStyle, Setting
from .split_shell import SHELL_FILE, shell_by_command

_PROGRAM = "vibe-acp"
_SAFE_MODE, _FREE_MODE = "ask", "auto-approve"
_TOKEN = "QUARTERDECK_MODEL_TOKEN"  # noqa: S105 - the name of a variable
_CONFIG = """\
enable_telemetry = false
enable_update_checks = false
enable_auto_update = false
enable_notifications = false
enable_connectors = false
enable_otel = false
experimental_enable_model_catalog = false
experimental_enable_registry_skills = false
include_commit_signature = false
disabled_tools = ["ask_user_question", "web_search"]
"""
# Not in its file, where it would put the commands back that it takes for harmless.
_ASKING = {name: {"permission": "ask", "allowlist": []} for name in ("bash", "write_file", "edit", "web_fetch")}
_MODEL = """
[[providers]]
name = "quarterdeck"
api_base = {base_url}
api_key_env_var = "{token}"
api_style = "openai"
backend = "generic"

[[models]]
name = {model}
provider = "quarterdeck"
alias = {model}
"""


def _result(payload: Mapping[str, Any], text: str) -> CommandResult:
    """The end of a call that did not run has only its reason."""
    if text_of(payload, "rawOutput", "stdout") is None and text_of(payload, "status") == "failed":
        return CommandResult(stdout="", reason=text)
    return plain_result(payload, text)


def _environment(setting: Setting) -> Mapping[str, str]:
    own = {"VIBE_HOME": str(setting.home / ".vibe"), "BASH_ENV": str(setting.home / SHELL_FILE)}
    if setting.is_safe:
        own |= {"VIBE_TOOLS": json.dumps(_ASKING), "VIBE_BYPASS_TOOL_PERMISSIONS": "false"}
    return own if setting.access is None else own | {_TOKEN: setting.access.token}


def _files(setting: Setting) -> Mapping[str, str]:
    folders = f"trusted = []\nuntrusted = [{json.dumps(str(setting.work_tree))}]\n"
    return {
        ".vibe/config.toml": _config(setting),
        ".vibe/trusted_folders.toml": folders if setting.is_safe else "",
        SHELL_FILE: shell_by_command(),
    }


def _config(setting: Setting) -> str:
    # JSON's strings are TOML's basic strings.
    chosen = f'default_agent = "{_SAFE_MODE if setting.is_safe else _FREE_MODE}"\n'
    access = setting.access
    if access is None:
        return chosen + _CONFIG
    return f"active_model = {json.dumps(access.model)}\n{chosen}{_CONFIG}{_model(access)}"


def _model(access: ModelAccess) -> str:
    base_url = json.dumps(f"{access.base_url}/openai/v1")
    return _MODEL.format(base_url=base_url, token=_TOKEN, model=json.dumps(access.model))


VIBE = AgentProfile(
    key="vibe",
    name="Mistral Vibe",
    command=lambda setting: python_command(setting, _PROGRAM),
    read_only=lambda setting: readable_environment(setting, _PROGRAM),
    safe_mode=_SAFE_MODE,
    free_mode=_FREE_MODE,
    is_resumable=True,
    needs_login=False,
    needs_network=False,
    output_style=OutputStyle.MERGED_AT_END,
    environment=_environment,
    files=_files,
    dialect=Dialect(
        result=_result,
        is_live=False,
        shell_command=str.strip,
        withheld=frozenset({"allow_always"}),
        echoes_prompts=True,
    ),
)
