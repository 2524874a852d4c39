"""opencode (npm `opencode-ai`): https://opencode.ai/docs/config, /docs/permissions; tried with 1.18.33.

All of its configuration is one variable. In safe mode it asks before whatever is no mere look at the work tree, and
reads no configuration of the repository's, which could allow things or bring programs that run unasked; the
repository's AGENTS.md is still read. What it reads all the same are plugins, so a repository that has some is an
obstacle. In either mode it fetches nothing for itself.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .dialect import CommandResult, Dialect
from .installed import program, readable
from .output_files import OutputFileRefused, open_output
from .payload import text_of, whole_number_of
from .profile import AgentProfile, ModelAccess, OutputStyle, Setting
from .snapshots import snapshot_output

# opencode's names of its models' SDKs, all three inside its program: nothing is installed for them.
_SDKS = {
    "anthropic": ("@ai-sdk/anthropic", "/v1"),
    "openai": ("@ai-sdk/openai-compatible", "/v1"),
    "google": ("@ai-sdk/google", "/v1beta"),
}
_NOTHING_OF_THE_REPOSITORY = {"OPENCODE_DISABLE_PROJECT_CONFIG": "1", "OPENCODE_PURE": "1"}
# Seen with 1.18.33: despite both variables above it runs what is in these folders, and what these files name.
_PLUGIN_FOLDERS = (".opencode/plugin", ".opencode/plugins")
_PLUGIN_FILES = tuple(f"{folder}opencode.{ending}" for folder in ("", ".opencode/") for ending in ("json", "jsonc"))
# It shows an image to no model that is not said to take any; those of today do.
_SEEING = {"attachment": True, "modalities": {"input": ["text", "image"], "output": ["text"]}}
_CONFIG_BYTES = 1024 * 1024
_LOOKS = ("read", "glob", "grep", "list", "todoread", "todowrite")
_AGENTS = ("build", "plan", "general", "explore")


def _command(setting: Setting) -> tuple[str, ...]:
    return (str(program(setting, "opencode")), "acp")


def _read_only(setting: Setting) -> tuple[Path, ...]:
    return readable(setting, program(setting, "opencode"))


def _environment(setting: Setting) -> Mapping[str, str]:
    fixed = {
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        "OPENCODE_DISABLE_SHARE": "1",
        "OPENCODE_CONFIG_CONTENT": json.dumps(_config(setting)),
    }
    return {**fixed, **_NOTHING_OF_THE_REPOSITORY} if setting.is_safe else fixed


def _obstacle(setting: Setting) -> str | None:
    if not setting.is_safe:
        return None
    tree = setting.work_tree
    found = [name for name in _PLUGIN_FOLDERS if os.path.lexists(tree / name)]
    found += [name for name in _PLUGIN_FILES if _may_name_plugins(tree, tree / name)]
    if not found:
        return None
    return (
        f"The repository has plugins of opencode ({', '.join(found)}), which opencode runs without asking. "
        "Start the run without safe mode, or with another agent."
    )


def _may_name_plugins(tree: Path, path: Path) -> bool:
    """Whether the word is in the file, in whatever spelling JSON allows; what cannot be read counts as such."""
    if not os.path.lexists(path):
        return False
    try:
        with open_output(tree, str(path)) as file:
            text = file.read(_CONFIG_BYTES + 1)
    except (OutputFileRefused, OSError):
        return True
    return len(text) > _CONFIG_BYTES or b"plugin" in text or b"\\u" in text


def _config(setting: Setting) -> dict[str, Any]:
    rules = {"*": "ask", **dict.fromkeys(_LOOKS, "allow")} if setting.is_safe else {"*": "allow"}
    config: dict[str, Any] = {
        "autoupdate": False,
        "share": "disabled",
        "permission": rules,
        "agent": {name: {"permission": rules} for name in _AGENTS} if setting.is_safe else {},
        "experimental": {"continue_loop_on_deny": True},  # else a refusal ends the turn, as if all were done
        "instructions": [str(setting.work_tree / "AGENTS.md")] if setting.is_safe else [],
    }
    return config | (_model(setting.access) if setting.access else {})


def _model(access: ModelAccess) -> dict[str, Any]:
    package, version = _SDKS[access.vendor]
    options = {"baseURL": f"{access.base_url}/{access.vendor}{version}", "apiKey": access.token}
    provider = {"npm": package, "name": "Quarterdeck", "options": options, "models": {access.model: _SEEING}}
    name = f"quarterdeck/{access.model}"
    return {
        "provider": {"quarterdeck": provider},
        "enabled_providers": ["quarterdeck"],
        "model": name,
        "small_model": name,
    }


def _result(payload: Mapping[str, Any], text: str) -> CommandResult:
    """`rawOutput.output` is both streams as they came, `rawOutput.metadata.exit` the exit code, `rawOutput.error` why
    it did not run."""
    error = text_of(payload, "rawOutput", "error") or ""
    return CommandResult(
        exit_code=whole_number_of(payload, "rawOutput", "metadata", "exit"),
        stdout="" if error else text_of(payload, "rawOutput", "output"),
        reason=error,
    )


OPENCODE = AgentProfile(
    key="opencode",
    name="opencode",
    command=_command,
    read_only=_read_only,
    safe_mode=None,
    free_mode=None,
    is_resumable=True,
    asks_for_mcp=True,
    needs_login=False,
    needs_network=False,
    output_style=OutputStyle.LIVE_MERGED,
    environment=_environment,
    dialect=Dialect(output=snapshot_output, result=_result),
    obstacle=_obstacle,
)
