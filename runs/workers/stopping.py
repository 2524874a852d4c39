"""Whether this worker process has been told to stop, for everything in it that would otherwise go on."""

import threading
from collections.abc import Callable

_requested = threading.Event()
_listeners: list[Callable[[], None]] = []


def request() -> None:
    """Called by the signal handler."""
    _requested.set()
    for listener in _listeners.copy():
        listener()


def is_requested() -> bool:
    """Whether this process has been told to stop."""
    return _requested.is_set()


def wait(timeout_seconds: float) -> bool:
    """Sleeps, or returns True at once when told to stop."""
    return _requested.wait(timeout_seconds)


def listen(listener: Callable[[], None]) -> Callable[[], None]:
    """Calls `listener` when told to stop (at once if that has happened); returns what takes it off again."""
    _listeners.append(listener)
    if _requested.is_set():
        listener()
    return lambda: _listeners.remove(listener)
