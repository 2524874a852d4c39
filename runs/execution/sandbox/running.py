"""A process held by its pipes and its tree; it does not know what confines it, and never lets go of a survivor."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import psutil

from runs.execution.sandbox.errors import ProcessesLeft
from runs.execution.sandbox.tree import GONE, ProcessTree, live, usage

LINE_LIMIT_BYTES = 16 * 1024**2
KILL_TIMEOUT_SECONDS = 5.0
KILL_POLL_SECONDS = 0.005
LOOKS_AT_VFORK = 5
"""Somebody who waits for a disk, and has a stopped child by chance, has long gone on and stopped then."""
SIGNAL_BASE = 128


class Pipes(asyncio.subprocess.SubprocessStreamProtocol):
    """asyncio's three streams, and the moment the process ended even where nobody reads them to their end."""

    transport: asyncio.SubprocessTransport

    def __init__(self) -> None:
        super().__init__(limit=LINE_LIMIT_BYTES, loop=asyncio.get_running_loop())
        self.exited = asyncio.Event()

    def process_exited(self) -> None:
        """Called by asyncio."""
        super().process_exited()
        self.exited.set()


async def spawn(command: tuple[str, ...], environment: Mapping[str, str], cwd: str, pass_fds: tuple[int, ...]) -> Pipes:
    """Start a program in its own session with exactly this environment, three pipes and ``pass_fds``."""
    loop = asyncio.get_running_loop()
    transport, pipes = await loop.subprocess_exec(
        Pipes,
        *command,
        env=dict(environment),
        cwd=cwd,
        pass_fds=pass_fds,
        start_new_session=True,
    )
    pipes.transport = transport
    return pipes


class SandboxedProcess:
    """A started command. Read ``stdout`` and ``stderr``, or they fill and it stops; lines up to 16 MiB.

    An async context manager: leaving it kills what is left and closes the pipes.
    """

    def __init__(self, pipes: Pipes, tree: ProcessTree, *, is_sandboxed: bool) -> None:
        if pipes.stdin is None or pipes.stdout is None or pipes.stderr is None:
            raise RuntimeError("asyncio started a process without its three pipes")
        self.stdin: asyncio.StreamWriter = pipes.stdin
        self.stdout: asyncio.StreamReader = pipes.stdout
        self.stderr: asyncio.StreamReader = pipes.stderr
        self.is_sandboxed = is_sandboxed
        self._pipes = pipes
        self._tree = tree

    @property
    def pid(self) -> int:
        """The outermost process, as the server sees it."""
        return self._pipes.transport.get_pid()

    @property
    def return_code(self) -> int | None:
        """None while it runs; the command's exit code, or 128 + N when signal N ended it."""
        code = self._pipes.transport.get_returncode()
        return SIGNAL_BASE - code if code is not None and code < 0 else code

    def members(self) -> list[psutil.Process]:
        """Every live process of the tree, the sandbox's own few included."""
        return self._tree.members()

    def memory_bytes(self) -> int:
        """Resident memory of the tree; shared pages count once per process."""
        return usage(self.members()).memory_bytes

    async def has_exited_within(self, timeout_seconds: float) -> bool:
        """Wait for the end of the command, for so long at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._pipes.exited.wait()
        return self._pipes.exited.is_set()

    async def wait(self) -> int:
        """Wait for the command's end and until nothing it started is left; its ``return_code``."""
        await self._pipes.exited.wait()
        await self.kill()
        return self.return_code or 0

    async def kill(self) -> None:
        """End the whole tree with SIGKILL; returns when the last process is gone. Safe to call again.

        Raises ProcessesLeft when the kernel has not ended one within five seconds.
        """
        deadline = time.monotonic() + KILL_TIMEOUT_SECONDS
        while members := await asyncio.to_thread(self.members):
            if time.monotonic() > deadline:
                raise ProcessesLeft(tuple(process.pid for process in members))
            _signal_all(members, "kill")
            await asyncio.sleep(KILL_POLL_SECONDS)
        await self._pipes.exited.wait()

    async def suspend(self) -> None:
        """Stop the whole tree (SIGSTOP), also what it starts while it is being stopped.

        A parent in vfork(2) cannot stop before its child has begun a program, which a stopped child never does: it
        stands still as it is, and its own signal waits for it.
        """
        looks: Counter[psutil.Process] = Counter()
        while running := [
            one for one in await asyncio.to_thread(self.members) if not _is_stopped(one) and looks[one] < LOOKS_AT_VFORK
        ]:
            _signal_all(running, "suspend")
            await asyncio.sleep(KILL_POLL_SECONDS)
            looks.update(await asyncio.to_thread(_waiting_for_stopped, running))

    async def resume(self) -> None:
        """Let a suspended tree go on (SIGCONT)."""
        _signal_all(await asyncio.to_thread(self.members), "resume")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self.kill()
        finally:
            self._pipes.transport.close()


def _signal_all(processes: list[psutil.Process], verb: str) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            getattr(process, verb)()


def _waiting_for_stopped(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that sleep where no signal reaches them, and have a child that is stopped."""
    found = []
    for process in processes:
        with contextlib.suppress(*GONE):
            if process.status() == psutil.STATUS_DISK_SLEEP and any(map(_is_held, process.children())):
                found.append(process)
    return found


def _is_held(process: psutil.Process) -> bool:
    return process.status() == psutil.STATUS_STOPPED


def _is_stopped(process: psutil.Process) -> bool:
    return not live([process]) or _is_held(process)
