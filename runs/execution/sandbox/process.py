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

from runs.execution.sandbox.command import GO, READY, sandbox_command
from runs.execution.sandbox.errors import SandboxFailed
from runs.execution.sandbox.process_group import start_process_group
from runs.execution.sandbox.running import Pipes, SandboxedProcess, spawn
from runs.execution.sandbox.spec import SandboxSpec
from runs.execution.sandbox.support import SandboxSupport
from runs.execution.sandbox.tree import NamespaceTree, below, find

START_TIMEOUT_SECONDS = 15
READY_POLL_SECONDS = 0.001


async def start(spec: SandboxSpec, support: SandboxSupport, *, allow_unsandboxed: bool = False) -> SandboxedProcess:
    """Start the command. Raises SandboxUnavailable, or SandboxFailed with bubblewrap's own complaint.

    Whatever of the spec does not exist is a SandboxFailed too, but for the command: that ends with a code and a line
    on stderr. Cancelled, it ends what it had started before it raises.
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
    """Take hold of the sandbox, then let the command start in it."""
    leader = find(pipes.transport.get_pid())
    try:
        async with asyncio.timeout(START_TIMEOUT_SECONDS):
            first = await _made(pipes, information)
        if leader is None or first is None or pipes.stdin is None:
            raise SandboxFailed(await _complaint(leader, pipes))
        pipes.stdin.write(GO)
        return SandboxedProcess(pipes, NamespaceTree(leader, first), is_sandboxed=True)
    except BaseException:
        _end(leader, pipes)
        raise


async def _made(pipes: Pipes, information: BinaryIO) -> psutil.Process | None:
    """The first process of the new namespace, once all is made and will die with us; None when it could not be.

    Only who knows that process can tell that nothing is left. Once it sleeps it waits for its children: before that,
    it has bound its life to its parent's (bubblewrap.c, do_init).
    """
    content = await asyncio.to_thread(information.read)
    if not content or pipes.stdout is None or await pipes.stdout.readline() != READY:
        return None
    first = find(json.loads(content)["child-pid"])
    with contextlib.suppress(psutil.NoSuchProcess):
        while first is not None and first.status() != psutil.STATUS_SLEEPING:  # noqa: ASYNC110  (no event tells)
            await asyncio.sleep(READY_POLL_SECONDS)
        return first
    return None


async def _complaint(leader: psutil.Process | None, pipes: Pipes) -> str:
    _kill(leader)
    text = await pipes.stderr.read() if pipes.stderr else b""
    return f"The sandbox could not be made: {text.decode(errors='replace').strip() or 'bubblewrap gave no reason'}."


def _end(leader: psutil.Process | None, pipes: Pipes) -> None:
    """End a sandbox that nobody will hold. What is not yet bound to bubblewrap's life ends with its stdin."""
    _kill(leader)
    pipes.transport.close()


def _kill(leader: psutil.Process | None) -> None:
    for process in (*below(leader), leader) if leader else ():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
