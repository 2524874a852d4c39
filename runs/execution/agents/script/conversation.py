"""What a turn may say and ask: session updates, and requests for permission; decides nothing itself."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .protocol import Json, Peer
from .state import SessionStore

ALLOW_ONCE = "allow_once"
ALLOW_ALWAYS = "allow_always"
REJECT_ONCE = "reject_once"
_NAMES = {ALLOW_ONCE: "Allow", ALLOW_ALWAYS: "Always allow", REJECT_ONCE: "Reject"}
_REMEMBERED_OUTPUT_CHARACTERS = 2_000


class TurnCancelled(Exception):
    """The client cancelled the turn."""


class Conversation:
    """One session's line to the client during one turn."""

    def __init__(self, peer: Peer, session_id: str, work_tree: Path, store: SessionStore) -> None:
        self._peer = peer
        self._session_id = session_id
        self._store = store
        self.work_tree = work_tree
        self.output_folder = store.output
        self.is_cancelled = threading.Event()

    def show(self, update: Json, *, is_remembered: bool = False) -> None:
        """Send a session update; a remembered one is shown again when the session is loaded."""
        self._peer.notify("session/update", {"sessionId": self._session_id, "update": update})
        if is_remembered:
            self._store.remember(update)

    def finish_tool(self, start: Json, update: Json) -> None:
        """End a tool call; what is remembered for replay is the whole call in one update, its output shortened."""
        self.show(update)
        remembered = {key: value for key, value in (start | update).items() if key not in ("content", "_meta")}
        self._store.remember(remembered | {"sessionUpdate": "tool_call"} | _shortened(update.get("rawOutput")))

    def ask(self, tool_call: Json, options: Sequence[str]) -> str:
        """The option the client chose. Raises TurnCancelled when it cancelled instead."""
        offered = [{"optionId": option, "name": _NAMES[option], "kind": option} for option in options]
        params = {"sessionId": self._session_id, "toolCall": tool_call, "options": offered}
        answer = self._peer.call("session/request_permission", params, self.is_cancelled)
        outcome = answer.get("outcome")
        if not isinstance(outcome, dict) or outcome.get("outcome") != "selected":
            raise TurnCancelled
        return str(outcome.get("optionId"))


def _shortened(raw_output: Any) -> Json:
    if not isinstance(raw_output, dict):
        return {}
    short = {
        key: value[-_REMEMBERED_OUTPUT_CHARACTERS:] if isinstance(value, str) else value
        for key, value in raw_output.items()
    }
    return {"rawOutput": short}
