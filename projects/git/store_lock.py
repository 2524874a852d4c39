"""Many may write objects of a repository at once, or one removes some: git takes an object that it finds for kept.

Git freshens the time of what it finds, and no more (gc's known race): a remover looks at it while nobody writes.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from projects.git.errors import GitFailed

_LOOK_EVERY_SECONDS = 0.05


@contextmanager
def writing(repository_path: Path) -> Iterator[None]:
    """Nothing is removed while the body runs: objects that git found in it are there still when it ends."""
    with _lock_file(repository_path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield


@contextmanager
def removing(repository_path: Path, *, wait_seconds: float) -> Iterator[None]:
    """Nobody records a work tree or fetches while the body runs. GitFailed `objects-in-use` after `wait_seconds`."""
    deadline = time.monotonic() + wait_seconds
    with _lock_file(repository_path) as descriptor:
        while not _try(descriptor):
            if time.monotonic() >= deadline:
                raise GitFailed("Others are writing to the repository; it is tried again later.", code="objects-in-use")
            time.sleep(_LOOK_EVERY_SECONDS)
        yield


@contextmanager
def _lock_file(repository_path: Path) -> Iterator[int]:
    descriptor = os.open(repository_path / "private" / "objects.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
