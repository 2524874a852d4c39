"""The lock of a run's work tree, held by its executor for as long as an agent may move there or its work is read.

While a pause holds the agent still the lock is lent: snapshots, comparisons and restores take it then. The kernel frees
it when the worker dies, as the agent does.
"""

import threading
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from projects.locks import LockNotFree, rest_lock
from projects.models import Workspace


class TreeHold:
    """One holder's grip on one work tree; taking and releasing may be done from any thread, and again."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stack = ExitStack()
        self._guard = threading.Lock()
        self._is_held = False

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def take(self, wait_seconds: float | None = None) -> bool:
        """Whether it is held now; without a time it waits until it is."""
        with self._guard:
            if not self._is_held:
                try:
                    self._stack.enter_context(rest_lock(self._workspace, wait_seconds=wait_seconds))
                except LockNotFree:
                    return False
                self._is_held = True
            return True

    def release(self) -> None:
        """Others may look at the tree, and restore in it."""
        with self._guard:
            self._stack.close()
            self._is_held = False
