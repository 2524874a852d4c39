"""The bench's processes as the bench holds them: started, commanded, measured, ended."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0
PEER_PYTHON = "BENCH_PEER_PYTHON"
"""The interpreter that has the peer, if it was asked for."""


class Server:
    """A web process that commits events on command, or with a process of its own for that."""

    def __init__(self, process: asyncio.subprocess.Process, port: int = 0) -> None:
        self._process, self.port = process, port
        self._measured = psutil.Process(process.pid)

    async def commit(self, events: int) -> float:
        """So many events in one transaction; the moment of its commit in seconds of the monotonic clock."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise SystemExit("bench: a process without pipes")
        stdin.write(b"%d\n" % events)
        line = await stdout.readline()
        if not line:
            raise SystemExit("bench: a process ended; its messages are above")
        return float(line)

    @property
    def processor_seconds(self) -> float:
        """Seconds of one processor that it has used so far."""
        times = self._measured.cpu_times()
        return times.user + times.system

    @property
    def private_kb(self) -> float:
        """What would be free if it ended: without pages of files that are only mapped, as SQLite's are."""
        return float(self._measured.memory_full_info().uss / 1024)

    async def listens(self) -> None:
        """Until somebody can connect."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.returncode is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            await asyncio.sleep(0.05)
        raise SystemExit("bench: a server did not start")


@asynccontextmanager
async def started(command: Sequence[str], port: int = 0, errors: int | None = None) -> AsyncIterator[Server]:
    """That program while the body runs; with a port it has to listen there first."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors
    )
    server = Server(process, port)
    try:
        if port:
            await server.listens()
        yield server
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def serving(kind: str, run: int = 0) -> AsyncIterator[Server]:
    """One of the web processes of `bench/stream_servers.py`."""
    port = free_port()
    command = [sys.executable, str(ROOT / "bench/stream_servers.py"), kind, f"--port={port}", f"--run={run}"]
    if kind == "peer":
        command = [os.environ[PEER_PYTHON], str(ROOT / "bench/stream_peer.py"), f"--port={port}"]
    errors = asyncio.subprocess.DEVNULL if kind == "peer" else None  # it tells of every reader that leaves
    async with started(command, port, errors) as server:
        yield server


@asynccontextmanager
async def writing(run: int) -> AsyncIterator[Server]:
    """A process that only commits events of that run."""
    async with started([sys.executable, str(ROOT / "bench/stream_servers.py"), "writer", f"--run={run}"]) as writer:
        yield writer


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
