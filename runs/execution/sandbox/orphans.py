"""Ends what a server that was killed in the middle of a start left behind; it touches no sandbox that somebody holds.

Bubblewrap's monitor can be killed with its server in the instant between making the namespace and telling its first
process to go on: that one then waits for ever (bubblewrap.c, child_wait_fd). It never runs a command, but it stays.
"""

import contextlib
from pathlib import Path

import psutil

from runs.execution.sandbox.tree import GONE


def end_orphans(folder: Path) -> tuple[int, ...]:
    """Kill every sandbox below ``folder`` (a server's home) that nobody holds; the pids. Call it now and then.

    A sandbox is held by the bubblewrap outside that waits for it: without one, its first process is an orphan. One
    look is not enough: bubblewrap itself may outlive its server by a moment and leave its orphan after that look.
    """
    ended: list[int] = []
    for process in psutil.process_iter():
        with contextlib.suppress(*GONE, OSError):
            if process.name() == "bwrap" and _names(process, folder) and _is_orphan(process):
                process.kill()
                ended.append(process.pid)
    return tuple(ended)


def _names(process: psutil.Process, folder: Path) -> bool:
    return any(word.startswith("/") and Path(word).is_relative_to(folder) for word in process.cmdline())


def _is_orphan(process: psutil.Process) -> bool:
    """Whether it is the first of a pid namespace with no bubblewrap outside that waits for it."""
    if process.status() == psutil.STATUS_ZOMBIE or not _is_first_in_namespace(process.pid):
        return False
    parent = process.parent()
    return parent is None or parent.name() != "bwrap"


def _is_first_in_namespace(pid: int) -> bool:
    """Whether it is process 1 of a namespace below ours: proc_pid_status(5), NSpid."""
    lines = Path("/proc", str(pid), "status").read_text().splitlines()
    pids = next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])
    return len(pids) > 1 and pids[-1] == "1"
