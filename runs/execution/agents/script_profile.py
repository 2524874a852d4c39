"""The built-in agent ``script`` as a profile; imports nothing of the agent itself, which runs in its own process."""

from pathlib import Path

from runs.execution.interpreter import interpreter_folders

from .profile import AgentProfile, OutputStyle, Setting

SCRIPT_FOLDER = Path(__file__).resolve().parent / "script"


def _command(setting: Setting) -> tuple[str, ...]:
    return (setting.interpreter, "-I", str(SCRIPT_FOLDER))


def _read_only(_: Setting) -> tuple[Path, ...]:
    return (*interpreter_folders(), SCRIPT_FOLDER)


SCRIPT = AgentProfile(
    key="script",
    name="Script",
    command=_command,
    read_only=_read_only,
    safe_mode="ask",
    free_mode="auto",
    is_resumable=True,
    knows_turns=True,
    reads_context=False,  # it would say it all, and carry out what stands in a block that the prompt left open
    needs_login=False,
    needs_network=False,
    output_style=OutputStyle.LIVE_SPLIT,
    initialize_timeout_seconds=20.0,
    session_timeout_seconds=20.0,
    asks_for_mcp=True,  # it uses none
)
