"""What a session has done so far, kept in the run home so that a killed agent's successor goes on from there.

The state is replaced atomically after every step; the history is a file of JSON lines that is only appended to.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RUNNING = "running"
COMPLETED = "completed"
FAILED = "failed"
CANCELLED = "cancelled"
_HISTORY_BYTES = 4 * 1024 * 1024
_SESSION_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


class SessionUnknown(Exception):
    """There is no such session in this run home."""


@dataclass(slots=True)
class Turn:
    """One prompt and how far it came. ``key`` is the client's name for it, by which it is known after a crash."""

    key: str | None
    prompt: str
    finished_steps: int = 0
    status: str = RUNNING
    reason: str = ""

    @property
    def is_unfinished(self) -> bool:
        """Whether a loaded session goes on with it."""
        return self.status in (RUNNING, CANCELLED)


@dataclass(slots=True)
class SessionState:
    """A session's mode, the step words that are always allowed in it, and its turns."""

    session_id: str
    mode: str
    always_allowed: list[str] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)


class SessionStore:
    """The files of one session: ``state.json``, ``history.jsonl`` and ``output/``."""

    def __init__(self, home: Path, session_id: str) -> None:
        if not _SESSION_ID.fullmatch(session_id):
            raise SessionUnknown(session_id)
        self._session_id = session_id
        self.folder = home / ".script-agent" / session_id
        self.output = self.folder / "output"

    def create(self) -> None:
        """Make the folders."""
        self.output.mkdir(parents=True, mode=0o700, exist_ok=True)

    def load(self) -> SessionState:
        """Raises SessionUnknown, also for a state that cannot be read."""
        try:
            content = json.loads((self.folder / "state.json").read_bytes())
            turns = [Turn(**turn) for turn in content.pop("turns")]
            state = SessionState(**content, turns=turns)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            raise SessionUnknown(self._session_id) from None
        self._mend_history()
        return state

    def save(self, state: SessionState) -> None:
        """Replace the state atomically."""
        draft = self.folder / "state.json.new"
        with draft.open("wb") as file:
            file.write(json.dumps(asdict(state)).encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / "state.json")

    def remember(self, update: dict[str, Any]) -> None:
        """Add an update to what load replays, as long as there is room for it."""
        line = json.dumps(update).encode("ascii") + b"\n"
        with self._history.open("ab") as file:
            if file.tell() + len(line) <= _HISTORY_BYTES:
                file.write(line)

    def history(self) -> Iterator[dict[str, Any]]:
        """The remembered updates, oldest first."""
        if not self._history.exists():
            return
        with self._history.open("rb") as file:
            for line in file:
                yield json.loads(line)

    @property
    def _history(self) -> Path:
        return self.folder / "history.jsonl"

    def _mend_history(self) -> None:
        """Cut off a last line that a kill left half-written."""
        if not self._history.exists():
            return
        with self._history.open("r+b") as file:
            content = file.read()
            file.truncate(content.rfind(b"\n") + 1)
