"""The repository lock: one process at a time changes the refs of a repository. The kernel frees it at any death."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from projects.models import Project


@contextmanager
def repository_lock(project: Project) -> Iterator[None]:
    """Waits for the project's lock and holds it while the body runs."""
    project.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(project.folder / "repository.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
