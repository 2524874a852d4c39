"""Locks of what lies on disk: a repository's refs, a work tree at rest. The kernel frees them at any death.

Who takes both takes the work tree's first.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from projects.models import Project, Workspace

_LOOK_EVERY_SECONDS = 0.05


class LockNotFree(Exception):
    """Somebody else held the lock for longer than the caller would wait."""


@contextmanager
def repository_lock(project: Project, *, wait_seconds: float | None = None) -> Iterator[None]:
    """One process at a time changes the refs of a repository. LockNotFree after `wait_seconds`, if given."""
    with _held(project.folder, "repository.lock", wait_seconds):
        yield


@contextmanager
def rest_lock(workspace: Workspace, *, wait_seconds: float | None = None) -> Iterator[None]:
    """Held by who reads a work tree at rest, having seen in it that the run is; whoever starts an agent takes it once.

    So an agent that starts has nobody reading its tree by path, and who reads later sees that the run is not at rest.
    """
    with _held(workspace.folder, "rest.lock", wait_seconds):
        yield


@contextmanager
def _held(folder: Path, name: str, wait_seconds: float | None) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
