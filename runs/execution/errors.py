"""How the execution of a run ends other than by its agent's own end."""

from collections.abc import Mapping
from typing import Any


class RunCannotGoOn(Exception):
    """The run fails, with a reason for the person and a code for clients."""

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details or {}


class RunInterrupted(Exception):
    """The agent must be ended now: `reason` is `cancelled`, `paused` (too long), `stopping` (this worker) or `lost`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
