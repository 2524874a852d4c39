"""The lock that keeps a second server out of one home; it refuses to break a lock that any process still holds."""

import errno
import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.05


class HomeLockTaken(Exception):
    """Another Quarterdeck serves from this home; the message names it and says what to do."""


@dataclass(frozen=True)
class HomeLock:
    """A held lock. Forked children hold it too, so it is free only when the last of them is gone."""

    path: Path
    descriptor: int

    def release(self) -> None:
        """Let this process's share of the lock go."""
        os.close(self.descriptor)


def acquire_home_lock(path: Path, wait_seconds: float = 5) -> HomeLock:
    """Take the lock file, waiting for the processes of a server that was just killed to end.

    The file keeps the holder's process id, for the message only: the lock itself is flock(2)'s and cannot
    go stale. Raises HomeLockTaken when the wait is over, OSError when the file cannot be written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock_before(time.monotonic() + wait_seconds, descriptor, path)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BaseException:
        os.close(descriptor)
        raise
    return HomeLock(path, descriptor)


def _lock_before(deadline: float, descriptor: int, path: Path) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in {errno.EWOULDBLOCK, errno.EAGAIN}:
                raise
        else:
            return
        if time.monotonic() >= deadline:
            raise HomeLockTaken(_message(descriptor, path))
        time.sleep(POLL_SECONDS)


def _message(descriptor: int, path: Path) -> str:
    holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
    return (
        f"Another Quarterdeck (process {holder}) is serving from {path.parent}. "
        "Stop it first, or set QUARTERDECK_HOME to another folder."
    )
