"""Starts an agent's command in its sandbox; without one it refuses, unless it was told that the operator wants that.

Bubblewrap's ``--die-with-parent`` follows the *thread* that spawned it (prctl(2), PR_SET_PDEATHSIG). ``start`` spawns
in the thread of the running event loop: that thread must live as long as the sandbox. An event loop in a short-lived
thread would see its agents killed when the thread ends.
"""

import asyncio
import contextlib
import json
import os
from typing import BinaryIO

import psutil

from runs.execution.sandbox.command import sandbox_command
from runs.execution.sandbox.errors import SandboxFailed
from runs.execution.sandbox.process_group import start_process_group
from runs.execution.sandbox.running import Pipes, SandboxedProcess, spawn
from runs.execution.sandbox.spec import SandboxSpec
from runs.execution.sandbox.support import SandboxSupport
from runs.execution.sandbox.tree import NamespaceTree, below, find

START_TIMEOUT_SECONDS = 15


async def start(spec: SandboxSpec, support: SandboxSupport, *, allow_unsandboxed: bool = False) -> SandboxedProcess:
    """Start the command. Raises SandboxUnavailable, or SandboxFailed with bubblewrap's own complaint.

    A path of the spec that does not exist shows as the command's end with code 1 and a line on stderr: bubblewrap has
    already started then. Cancelled, it ends what it had started before it raises.
    """
    # asyncio of Python 3.11 hangs when it is cancelled between fork and connected pipes: let it finish first.
    starting = asyncio.create_task(_start(spec, support, allow_unsandboxed=allow_unsandboxed))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await _abandon(starting)
        raise


async def _abandon(starting: asyncio.Task[SandboxedProcess]) -> None:
    while not starting.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({starting})
    if not starting.cancelled() and starting.exception() is None:
        async with starting.result():
            return


async def _start(spec: SandboxSpec, support: SandboxSupport, *, allow_unsandboxed: bool) -> SandboxedProcess:
    if not support.is_available:
        return await start_process_group(spec, support, allow_unsandboxed=allow_unsandboxed)
    read_fd, write_fd = os.pipe()
    with open(read_fd, "rb") as information:  # noqa: ASYNC230, PTH123  (a pipe, read in a thread)
        try:
            command = sandbox_command(spec, support.tools(), is_root=support.is_root, info_fd=write_fd)
            pipes = await spawn(command, spec.environment, "/", (write_fd,))
        except OSError as error:
            raise SandboxFailed(f"Bubblewrap could not be started: {error}") from error
        finally:
            os.close(write_fd)
        return await _hold(pipes, information)


async def _hold(pipes: Pipes, information: BinaryIO) -> SandboxedProcess:
    """Learn the first process of the new namespace: only who knows it can tell that nothing is left of it."""
    leader = find(pipes.transport.get_pid())
    try:
        content = await asyncio.wait_for(asyncio.to_thread(information.read), START_TIMEOUT_SECONDS)
    except BaseException:
        _end(leader, pipes)
        raise
    if leader is None or not content:
        raise SandboxFailed(await _complaint(pipes))
    return SandboxedProcess(pipes, NamespaceTree(leader, find(json.loads(content)["child-pid"])), is_sandboxed=True)


async def _complaint(pipes: Pipes) -> str:
    text = await pipes.stderr.read() if pipes.stderr else b""
    pipes.transport.close()
    return f"The sandbox could not be made: {text.decode(errors='replace').strip() or 'bubblewrap gave no reason'}."


def _end(leader: psutil.Process | None, pipes: Pipes) -> None:
    """End a sandbox that nobody will hold; its namespace ends with bubblewrap."""
    for process in (*below(leader), leader) if leader else ():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    pipes.transport.close()
