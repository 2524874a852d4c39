"""Files without a name that processes hold open: they use disk or memory until they are closed."""

import contextlib
import functools
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path


def unnamed_files(pids: Iterable[int]) -> Iterator[os.stat_result]:
    """Each as often as it is held."""
    for pid in pids:
        with contextlib.suppress(OSError):
            for descriptor in Path("/proc", str(pid), "fd").iterdir():
                with contextlib.suppress(OSError):
                    found = descriptor.stat()
                    if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
                        yield found


def shared_memory_bytes(pids: Iterable[int]) -> int:
    """What they hold in memory files (memfd_create(2)), mapped or not: nobody's resident memory before it is mapped."""
    device = _memory_device()
    found = {one.st_ino: one.st_blocks * 512 for one in unnamed_files(pids) if one.st_dev == device}
    return sum(found.values())


@functools.cache
def _memory_device() -> int | None:
    """The file system on which the kernel keeps them."""
    if not hasattr(os, "memfd_create"):
        return None
    descriptor = os.memfd_create("quarterdeck")
    try:
        return os.fstat(descriptor).st_dev
    finally:
        os.close(descriptor)
