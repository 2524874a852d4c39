"""Looks at processes that may end while they are looked at: one that has ended is told as such, and is no error."""

from collections.abc import Iterable

import psutil

ENDED = frozenset({psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD})


def status(process: psutil.Process) -> str:
    """As psutil tells it; `dead` once the process is gone."""
    try:
        return str(process.status()) if process.is_running() else psutil.STATUS_DEAD
    except psutil.NoSuchProcess:
        return psutil.STATUS_DEAD


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that still run. One that only waits to be reaped does not."""
    return [each for each in processes if status(each) not in ENDED]


def is_over(pid: int) -> bool:
    """Whether no process with that pid runs any more."""
    try:
        return status(psutil.Process(pid)) in ENDED
    except psutil.NoSuchProcess:
        return True


def words(process: psutil.Process) -> list[str]:
    """Its command line; nothing once it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def largest_bytes(processes: Iterable[psutil.Process]) -> int:
    """The resident memory of the largest of them, 0 where none is left."""
    return max(map(_resident_bytes, processes), default=0)


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
