"""The live processes of one sandbox, looked up afresh each time; it measures and names them, it ends none."""

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

GONE = (psutil.NoSuchProcess, psutil.AccessDenied)


class ProcessTree(Protocol):
    """All that one start led to."""

    def members(self) -> list[psutil.Process]:
        """The processes that still run, the outermost first."""
        ...


class NamespaceTree:
    """A bubblewrap (``leader``) and what runs in its pid namespace, whose first process is ``first``.

    When the first process is gone, so is every other one of the namespace, however it detached itself:
    pid_namespaces(7). Nothing of a namespace can be outside of this tree.
    """

    def __init__(self, leader: psutil.Process, first: psutil.Process | None) -> None:
        self._roots = [process for process in (leader, first) if process is not None]

    def members(self) -> list[psutil.Process]:
        """The outermost bubblewrap, the first process of the namespace, and all below."""
        return live(dict.fromkeys([*self._roots, *(child for root in self._roots for child in below(root))]))


class GroupTree:
    """A session leader, its session and process group, and every descendant seen so far.

    Without a pid namespace this is the best there is: a process that left the session *and* lost its parent before it
    was seen is not found.
    """

    def __init__(self, leader: psutil.Process) -> None:
        self._leader = leader
        self._seen: dict[psutil.Process, None] = {leader: None}

    def members(self) -> list[psutil.Process]:
        """The leader and everything that can be told to come from it."""
        same_session = [process for process in psutil.process_iter() if self._is_in_session(process.pid)]
        for process in [*same_session, *(child for root in self._seen for child in below(root))]:
            self._seen[process] = None
        self._seen = {self._leader: None, **dict.fromkeys(live(self._seen))}
        return live(self._seen)

    def _is_in_session(self, pid: int) -> bool:
        with contextlib.suppress(OSError):
            return self._leader.pid in (os.getsid(pid), os.getpgid(pid))
        return False


@dataclass(frozen=True)
class Usage:
    """What a tree uses now: resident memory, and its processes with their threads."""

    memory_bytes: int
    processes: int


def find(pid: int) -> psutil.Process | None:
    """The process of that pid, None when it has ended already."""
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def below(process: psutil.Process) -> list[psutil.Process]:
    """All descendants; empty once the process has gone."""
    try:
        return process.children(recursive=True)
    except GONE:
        return []


def live(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that still run. One that only waits to be reaped is over: it holds nothing and does nothing."""
    return [process for process in processes if _is_live(process)]


def usage(processes: Iterable[psutil.Process]) -> Usage:
    """Resident memory (shared pages counted once per process: an upper bound) and processes with threads."""
    memory_bytes = count = 0
    for process in processes:
        with contextlib.suppress(*GONE), process.oneshot():
            memory_bytes += process.memory_info().rss
            count += process.num_threads()
    return Usage(memory_bytes, count)


def proportional_memory_bytes(processes: Iterable[psutil.Process], in_files: int = 0) -> int:
    """Memory with shared pages divided among those that share them (PSS on Linux, else USS): true, and slow to read.

    ``in_files`` is what they hold in memory files: counted where it is not counted as mapped.
    """
    total = mapped = 0
    for process in processes:
        with contextlib.suppress(*GONE):
            full = process.memory_full_info()
            total += getattr(full, "pss", None) or full.uss
            mapped += _mapped_shared_bytes(process.pid)
    return total + max(0, in_files - mapped)


def _mapped_shared_bytes(pid: int) -> int:
    """A process's part of memory files and of what lies in sized file systems: proc_pid_smaps_rollup(5)."""
    with contextlib.suppress(OSError):
        for line in Path("/proc", str(pid), "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Shmem:"):
                return int(line.split()[1]) * 1024
    return 0


def _is_live(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD))
    except psutil.NoSuchProcess:
        return False
