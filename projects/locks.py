"""The repository lock: one process at a time changes the refs of a repository. The kernel frees it at any death."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from projects.models import Project

_LOOK_EVERY_SECONDS = 0.05


class LockNotFree(Exception):
    """Somebody else held the lock for longer than the caller would wait."""


@contextmanager
def repository_lock(project: Project, *, wait_seconds: float | None = None) -> Iterator[None]:
    """Waits for the project's lock and holds it while the body runs; LockNotFree after `wait_seconds`, if given."""
    project.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(project.folder / "repository.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, wait_seconds)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, wait_seconds: float | None) -> None:
    if wait_seconds is None:
        return fcntl.flock(descriptor, fcntl.LOCK_EX)
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise LockNotFree from None
            time.sleep(_LOOK_EVERY_SECONDS)
