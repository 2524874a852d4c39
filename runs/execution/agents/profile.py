"""What the executor must know of one kind of agent before it starts one; holds facts and does nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class OutputStyle(StrEnum):
    """How a command's output arrives: as it is written and split, or merged at the command's end."""

    LIVE_SPLIT = "live_split"
    MERGED_AT_END = "merged_at_end"


@dataclass(frozen=True, slots=True)
class AgentProfile:
    """One agent: how to start it, what it needs readable, and how it behaves.

    ``command`` takes the path of the Python interpreter and gives an argv. ``read_only`` gives the folders that must
    be readable in the sandbox besides the system's. ``environment`` is added to the sandbox's own (``HOME``,
    ``PATH``, ``TMPDIR``); it never holds a secret. Modes are ACP session modes, None where the agent has none.
    """

    key: str
    name: str
    command: Callable[[str], tuple[str, ...]]
    read_only: Callable[[], tuple[Path, ...]]
    safe_mode: str | None
    free_mode: str | None
    is_resumable: bool
    needs_login: bool
    needs_network: bool
    output_style: OutputStyle
    environment: Mapping[str, str] = field(default_factory=dict)
    initialize_timeout_seconds: float = 60.0
    session_timeout_seconds: float = 120.0

    def mode(self, *, is_safe: bool) -> str | None:
        """The session mode for a run, with or without safe mode."""
        return self.safe_mode if is_safe else self.free_mode
