"""Codex, by `codex-acp`.

Its mode `agent` asks another model instead of a person, so safe mode is `read-only`. There it would run what it takes
for harmless unasked, in a sandbox of its own; that needs user namespaces, which this server's sandbox does not give. So
each command has to ask to run outside of it, which it is told: what does not ask does not run.
"""

import json
from collections.abc import Mapping

from .installed import node_command, program, readable
from .profile import AgentProfile, OutputStyle, Setting
from .split_shell import shell_by_name
from .terminal_dialect import CODEX_DIALECT, OUTPUTS

_PROGRAM = "codex-acp"
_SAFE_MODE, _FREE_MODE = "read-only", "agent-full-access"
_TOKEN = "QUARTERDECK_MODEL_TOKEN"  # noqa: S105 - the name of a variable
_SHELL_FILE = ".codex/split_shell"
_CONFIG = """\
check_for_update_on_startup = false
web_search = "disabled"

[analytics]
enabled = false

[feedback]
enabled = false
"""
_ASKING = (
    "Your own command sandbox does not work here. Run every command with sandbox_permissions set to require_escalated "
    "and a short justification: a person is asked each time."
)
# It listens to a command's output only after having started it, and merges its two streams: what came at once is lost
# (measured: always the first line). So its shell keeps both streams, in files of the call's name.
_CALL = '"$CODEX_TOOL_CALL_ID"'
_SPLIT_SHELL = shell_by_name(known=_CALL, name=_CALL, outputs=OUTPUTS)
_PROVIDER = """
[model_providers.quarterdeck]
name = "Quarterdeck"
base_url = {base_url}
wire_api = "responses"
env_key = "{token}"
requires_openai_auth = false
supports_websockets = false
"""


def _environment(setting: Setting) -> Mapping[str, str]:
    own = {
        "CODEX_HOME": str(setting.home / ".codex"),
        "INITIAL_AGENT_MODE": _SAFE_MODE if setting.is_safe else _FREE_MODE,
        "NO_BROWSER": "1",
    }
    return own if setting.access is None else own | {_TOKEN: setting.access.token}


def _files(setting: Setting) -> Mapping[str, str]:
    return {".codex/config.toml": _config(setting), _SHELL_FILE: _SPLIT_SHELL}


def _config(setting: Setting) -> str:
    access = setting.access
    # JSON's strings are TOML's basic strings.
    text = f"developer_instructions = {json.dumps(_ASKING)}\n{_CONFIG}" if setting.is_safe else _CONFIG
    text += f"\n[shell_environment_policy]\nset = {{ BASH_ENV = {json.dumps(str(setting.home / _SHELL_FILE))} }}\n"
    if access is None:
        login = f'cli_auth_credentials_store = "file"\nmodel = {json.dumps(setting.model)}\n' if setting.model else ""
        return login + text
    chosen = f'model = {json.dumps(access.model)}\nmodel_provider = "quarterdeck"\n'
    provider = _PROVIDER.format(base_url=json.dumps(f"{access.base_url}/openai/v1"), token=_TOKEN)
    return chosen + text + provider


CODEX = AgentProfile(
    key="codex",
    name="Codex",
    command=lambda setting: node_command(setting, _PROGRAM),
    read_only=lambda setting: readable(setting, program(setting, "node"), program(setting, _PROGRAM)),
    safe_mode=_SAFE_MODE,
    free_mode=_FREE_MODE,
    is_resumable=True,
    asks_for_mcp=True,
    needs_login=True,
    needs_network=False,
    output_style=OutputStyle.LIVE_MERGED,
    environment=_environment,
    files=_files,
    dialect=CODEX_DIALECT,
    login_file=".codex/auth.json",
)
