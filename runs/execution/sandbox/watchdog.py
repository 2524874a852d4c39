"""Kills a sandbox that uses more than it may, where no kernel limit covers a whole tree; it never kills anything else.

It looks twice a second: between two looks a process can go beyond the limit. Only RLIMITs and sized file systems are
hard bounds.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from runs.execution.sandbox.disk import DiskGauge
from runs.execution.sandbox.running import SandboxedProcess
from runs.execution.sandbox.spec import Limits, SandboxSpec
from runs.execution.sandbox.tree import proportional_memory_bytes, usage
from runs.execution.sandbox.unnamed_files import shared_memory_bytes

INTERVAL_SECONDS = 0.5
# Bubblewrap's own processes are in the tree, and not in what RLIMIT_NPROC counts.
OWN_PROCESSES = 8
MEBIBYTE = 1024**2


@dataclass(frozen=True)
class LimitExceeded:
    """Why a sandbox was killed; ``limit`` and ``seen`` in bytes, or in processes and threads."""

    kind: Literal["memory", "processes", "disk"]
    limit: int
    seen: int

    def __str__(self) -> str:
        if self.kind == "processes":
            return f"The agent was stopped: it ran {self.seen} processes and threads, {self.limit} are allowed."
        return (
            f"The agent was stopped: it used {self.seen // MEBIBYTE} MiB of {self.kind}, "
            f"{self.limit // MEBIBYTE} MiB are allowed."
        )


async def watch(
    process: SandboxedProcess,
    spec: SandboxSpec,
    interval_seconds: float = INTERVAL_SECONDS,
    *,
    tell: Callable[[LimitExceeded], None] = lambda _: None,
) -> LimitExceeded | None:
    """Look until the command ends (None) or exceeds a limit: then everything of it is gone on return. Run as a task.

    `tell` is told why before the kill: whoever reads from the command sees its end sooner than this returns.
    """
    folders = (spec.work_tree, spec.home)
    gauge = DiskGauge(folders, spec.limits.disk_bytes, lambda: [one.pid for one in process.members()])
    while not await process.has_exited_within(interval_seconds):
        excess = await asyncio.to_thread(_excess, process, spec.limits, gauge)
        if excess is not None:
            tell(excess)
            await process.kill()
            return excess
    return None


def _excess(process: SandboxedProcess, limits: Limits, gauge: DiskGauge) -> LimitExceeded | None:
    members = process.members()
    used = usage(members)
    if used.processes > limits.processes + OWN_PROCESSES:
        return LimitExceeded("processes", limits.processes, used.processes)
    in_files = shared_memory_bytes(one.pid for one in members)
    if used.memory_bytes + in_files > limits.memory_bytes:
        # The quick sum counts shared pages once per process: look properly before killing anyone for it.
        memory_bytes = proportional_memory_bytes(members, in_files)
        if memory_bytes > limits.memory_bytes:
            return LimitExceeded("memory", limits.memory_bytes, memory_bytes)
    disk_bytes = gauge.used_bytes()
    if disk_bytes > limits.disk_bytes:
        return LimitExceeded("disk", limits.disk_bytes, disk_bytes)
    return None
