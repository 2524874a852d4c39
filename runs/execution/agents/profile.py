"""What the executor must know of one kind of agent before it starts one; holds facts and does nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from .dialect import PLAIN, Dialect


class OutputStyle(StrEnum):
    """How a command's output arrives: as it is written and split, as it is written and merged, or merged at the end."""

    LIVE_SPLIT = "live_split"
    LIVE_MERGED = "live_merged"
    MERGED_AT_END = "merged_at_end"


@dataclass(frozen=True, slots=True)
class ModelAccess:
    """How a run's agent reaches its model.

    ``base_url`` is seen from inside the sandbox, without a slash at its end; a vendor's API lies below it:
    ``/anthropic/v1/messages``, ``/openai/v1/chat/completions``, ``/openai/v1/responses``,
    ``/google/v1beta/models/MODEL:generateContent``. ``token`` stands in place of the vendor's key and is worthless
    outside of this run's sandbox. ``vendor`` is ``anthropic``, ``openai`` or ``google``.
    """

    base_url: str
    token: str = field(repr=False)
    vendor: str
    model: str


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and how an agent is to be started.

    ``interpreter`` is the server's own Python. ``installation`` is where ``install_agent`` put the agent, None when it
    was found in the server's PATH or is built in. ``access`` None: the agent needs no model, or has a login of its own:
    ``login`` is the content of its file, ``model`` the chosen one then.
    """

    interpreter: str
    installation: Path | None
    home: Path
    work_tree: Path
    is_safe: bool
    access: ModelAccess | None
    login: str | None = field(default=None, repr=False)
    model: str | None = None


def nothing(_: Setting) -> Mapping[str, Any]:
    """No variables, no files, no settings."""
    return {}


def no_obstacle(_: Setting) -> str | None:
    """Nothing in the work tree keeps the agent from being safe."""
    return None


@dataclass(frozen=True, slots=True)
class AgentProfile:
    """One agent: how to start it, what it needs readable, and how it behaves.

    ``command`` gives an argv. ``environment`` is added to the sandbox's own (``HOME``, ``PATH``, ``TMPDIR``) and holds
    no secret but the run's token. ``files`` are written into the run's home before every start: path below the home →
    text. ``session_meta`` is sent as ``_meta`` with every new and loaded session. ``read_only`` gives the folders that
    must be readable in the sandbox besides the system's. Modes are ACP session modes, None where the agent has none.
    ``knows_turns``: given a turn's name again after a kill, it goes on with that turn by itself.
    ``asks_for_mcp``: in safe mode it asks before each call of an MCP server's tool (each True is proven by a test).
    ``reads_context``: it makes something of passages of the repository that stand after its prompt.
    ``dialect`` reads what ACP leaves to each agent. ``obstacle`` looks into the work tree and says why the agent must
    not be started there. ``login_file`` is where below its home it looks for a login of its own.
    """

    key: str
    name: str
    command: Callable[[Setting], tuple[str, ...]]
    read_only: Callable[[Setting], tuple[Path, ...]]
    safe_mode: str | None
    free_mode: str | None
    is_resumable: bool
    needs_login: bool
    needs_network: bool
    output_style: OutputStyle
    environment: Callable[[Setting], Mapping[str, str]] = nothing
    files: Callable[[Setting], Mapping[str, str]] = nothing
    session_meta: Callable[[Setting], Mapping[str, Any]] = nothing
    dialect: Dialect = PLAIN
    obstacle: Callable[[Setting], str | None] = no_obstacle
    login_file: str | None = None
    initialize_timeout_seconds: float = 60.0
    session_timeout_seconds: float = 120.0
    knows_turns: bool = False
    asks_for_mcp: bool = False
    reads_context: bool = True

    def mode(self, *, is_safe: bool) -> str | None:
        """The session mode for a run, with or without safe mode."""
        return self.safe_mode if is_safe else self.free_mode
