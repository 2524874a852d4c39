"""OpenHands (PyPI `openhands`): https://docs.openhands.dev/, tried with 1.16.0.

It is started by a text of ours (openhands_start.py) that leaves out what would run without asking. Its shell lives as
long as its session and is a terminal: both streams are one. It asks about all the calls of a turn at once and names
none of them; what it asks about are those that it has begun. Two of its answers allow more than was asked for and are
not offered. It takes no notice of a cancel while a command runs, so its sandbox is ended then.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .dialect import CommandResult, Dialect
from .installed import program, readable_environment
from .payload import text_of, value_of, whole_number_of
from .profile import AgentProfile, ModelAccess, OutputStyle, Setting

_PROGRAM = "openhands"
_SAFE_MODE, _FREE_MODE = "always-ask", "always-approve"
_START_FILE = ".quarterdeck/openhands_start.py"
_START = Path(__file__).with_name("openhands_start.py")
# LiteLLM's names of its ways to a model, and where below the gateway that way begins.
_WAYS = {
    "anthropic": ("anthropic", "anthropic"),
    "openai": ("openai", "openai/v1"),
    "google": ("gemini", "google/v1beta"),
}


def _command(setting: Setting) -> tuple[str, ...]:
    python = program(setting, _PROGRAM).with_name("python")
    mode = _SAFE_MODE if setting.is_safe else _FREE_MODE
    return (str(python), "-I", str(setting.home / _START_FILE), mode)


def _environment(setting: Setting) -> Mapping[str, str]:
    own = {
        "OPENHANDS_SUPPRESS_BANNER": "1",
        "OPENHANDS_PERSISTENCE_DIR": str(setting.home / ".openhands"),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "DO_NOT_TRACK": "1",
        "PYTHONWARNINGS": "ignore",
    }
    return own if setting.access is None else own | _model(setting.access)


def _model(access: ModelAccess) -> dict[str, str]:
    way, path = _WAYS[access.vendor]
    return {
        "LLM_API_KEY": access.token,
        "LLM_BASE_URL": f"{access.base_url}/{path}",
        "LLM_MODEL": f"{way}/{access.model}",
    }


def _files(_: Setting) -> Mapping[str, str]:
    return {_START_FILE: _START.read_text()}


def _plainly(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its titles hold all arguments as JSON, whole files among them."""
    tool, named, _ = (text_of(payload, "title") or "").partition(": {")
    given = [text_of(payload, "rawInput", name) for name in ("command", "path")]
    said = " ".join(word for word in given if word)
    return {**payload, "title": f"{tool}: {said}"} if named and said else payload


def _result(payload: Mapping[str, Any], text: str) -> CommandResult:
    """Exit code and output are in its own observation; -1 means that the command was still at work."""
    observation = value_of(payload, "rawOutput", "observation")
    if observation is None:
        return CommandResult(stdout="", reason=text)
    exit_code = whole_number_of(observation, "exit_code")
    parts = value_of(observation, "content")
    said = "".join(text_of(part, "text") or "" for part in parts) if isinstance(parts, list) else text
    return CommandResult(exit_code=exit_code, stdout=said)


OPENHANDS = AgentProfile(
    key="openhands",
    name="OpenHands",
    command=_command,
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
        plainly=_plainly,
        result=_result,
        is_live=False,
        withheld=frozenset({"allow_always", "risk_based"}),
        asks_about_begun=True,
    ),
)
