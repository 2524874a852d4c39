"""Claude Code, by `claude-agent-acp`.

Left alone it decides for itself what to ask (its mode `auto` asks nothing). So safe mode is a policy that nothing in
the work tree can undo: it is given with the session, where the repository's own settings and hooks do not reach.
"""

import json
from collections.abc import Mapping
from typing import Any

from .installed import node_command, program, readable
from .profile import AgentProfile, ModelAccess, OutputStyle, Setting
from .terminal_dialect import CLAUDE_DIALECT

_PROGRAM = "claude-agent-acp"
_ASKING = ("Bash", "Write", "Edit", "NotebookEdit", "WebFetch", "WebSearch", "mcp__*")
_SAFE: Mapping[str, Any] = {
    "permissions": {
        "ask": list(_ASKING),
        "defaultMode": "default",
        "disableBypassPermissionsMode": "disable",
        "disableAutoMode": "disable",
    },
    "disableAllHooks": True,
}
_QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION": "false",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_BUG_COMMAND": "1",
    "IS_SANDBOX": "1",
}
_MODELS = ("ANTHROPIC_MODEL", "ANTHROPIC_DEFAULT_OPUS_MODEL", "ANTHROPIC_DEFAULT_SONNET_MODEL",
           "ANTHROPIC_DEFAULT_HAIKU_MODEL")  # fmt: skip


def _environment(setting: Setting) -> dict[str, str]:
    own = {**_QUIET, "CLAUDE_CONFIG_DIR": str(setting.home / ".claude")}
    if setting.access is not None:
        return own | _access(setting.access)
    return own | dict.fromkeys(_MODELS, setting.model) if setting.model else own


def _access(access: ModelAccess) -> dict[str, str]:
    """One model for all that it does: a small one for small things is not on every model server."""
    models = dict.fromkeys(_MODELS, access.model)
    return models | {"ANTHROPIC_BASE_URL": f"{access.base_url}/anthropic", "ANTHROPIC_API_KEY": access.token}


def _files(setting: Setting) -> Mapping[str, str]:
    settings = _SAFE if setting.is_safe else {"permissions": {"defaultMode": "bypassPermissions"}}
    return {".claude/settings.json": json.dumps(settings)}


def _session_meta(setting: Setting) -> Mapping[str, Any]:
    options: dict[str, Any] = {"promptSuggestions": False}
    if setting.is_safe:
        # strictMcpConfig: no server that the repository brings is started.
        options |= {"managedSettings": _SAFE, "strictMcpConfig": True, "allowDangerouslySkipPermissions": False}
    return {"claudeCode": {"options": options}}


CLAUDE = AgentProfile(
    key="claude",
    name="Claude Code",
    command=lambda setting: node_command(setting, _PROGRAM),
    read_only=lambda setting: readable(setting, program(setting, "node"), program(setting, _PROGRAM)),
    safe_mode="default",
    free_mode="bypassPermissions",
    is_resumable=True,
    asks_for_mcp=True,
    needs_login=True,
    needs_network=False,
    output_style=OutputStyle.MERGED_AT_END,
    environment=_environment,
    files=_files,
    session_meta=_session_meta,
    dialect=CLAUDE_DIALECT,
    login_file=".claude/.credentials.json",
)
