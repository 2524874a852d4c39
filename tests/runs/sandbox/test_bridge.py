"""A bridge carries what the command says on a port of its loopback to a socket of the server's, and back."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runs.execution.sandbox.process import start
from runs.execution.sandbox.spec import Bridge, Limits, SandboxSpec
from runs.execution.sandbox.support import SandboxSupport, probe
from tests.runs.sandbox.making import Maker
from tests.runs.sandbox.worker import Worker

pytestmark = pytest.mark.plumbing

PORT = 8317
SUPPORTS = {"sandboxed": None, "unsandboxed": SandboxSupport("unavailable", is_root=False, reason="as told")}
CONNECT = "import socket, sys, threading, time; s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5); "
Answerer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(params=SUPPORTS)
def either(request: pytest.FixtureRequest) -> SandboxSupport:
    found = SUPPORTS[request.param] or probe()
    if found.reason not in ("", "as told"):
        pytest.skip(found.reason)
    return found


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All back, as it comes; the end only after the other's end."""
    with contextlib.suppress(ConnectionError):
        while content := await reader.read(65536):
            writer.write(content)
            await writer.drain()
        writer.write(b" and the end")
        await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def listening(path: Path, answerer: Answerer = echo) -> AsyncIterator[Bridge]:
    server = await asyncio.start_unix_server(answerer, path)
    path.chmod(0o666)  # noqa: ASYNC240  (a moment)
    async with server:
        yield Bridge(PORT, path)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


async def outcome(spec: SandboxSpec, support: SandboxSupport) -> tuple[int, str, str]:
    async with await start(spec, support, allow_unsandboxed=True) as process:
        process.stdin.close()
        stdout, stderr, code = await asyncio.gather(process.stdout.read(), process.stderr.read(), process.wait())
    return code, stdout.decode(), stderr.decode()


def bridged(make: Maker, bridge: Bridge, support: SandboxSupport, program: str, **members: Any) -> SandboxSpec:
    """On a free port of the machine where the loopback is the machine's own."""
    bridge = bridge if support.is_available else replace(bridge, port=free_port())
    spec = make.python(program, bridges=(bridge,), **members)
    return replace(spec, command=(*spec.command, str(bridge.port)))


async def test_the_command_reaches_the_socket_at_once(make: Maker, either: SandboxSupport, tmp_path: Path) -> None:
    async with listening(tmp_path / "s") as bridge:
        spec = bridged(make, bridge, either, CONNECT + "s.sendall(b'hello'); print(s.recv(99).decode())")
        code, said, complained = await outcome(spec, either)

    assert (code, said) == (0, "hello\n"), complained


async def test_an_end_that_is_closed_for_writing_still_reads(
    make: Maker, support: SandboxSupport, tmp_path: Path
) -> None:
    program = CONNECT + "s.sendall(b'all'); s.shutdown(socket.SHUT_WR); print(s.makefile().read())"
    async with listening(tmp_path / "s") as bridge:
        _, said, _ = await outcome(bridged(make, bridge, support, program), support)

    assert said == "all and the end\n"


async def test_many_connections_at_once_do_not_mix(make: Maker, support: SandboxSupport, tmp_path: Path) -> None:
    program = (
        "import socket, sys\n"
        "socks = [socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5) for _ in range(60)]\n"
        "for n, s in enumerate(socks): s.sendall(b'%03d' % n * 20000); s.shutdown(socket.SHUT_WR)\n"
        "print(all(s.makefile('rb').read() == b'%03d' % n * 20000 + b' and the end' for n, s in enumerate(socks)))"
    )
    async with listening(tmp_path / "s") as bridge:
        code, said, complained = await outcome(bridged(make, bridge, support, program), support)

    assert (code, said) == (0, "True\n"), complained


async def test_who_does_not_read_stops_who_writes(make: Maker, support: SandboxSupport, tmp_path: Path) -> None:
    written, stopped = 0, asyncio.Event()

    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        with contextlib.suppress(TimeoutError):
            while True:
                writer.write(b"x" * 65536)
                await asyncio.wait_for(writer.drain(), 0.3)
                written += 65536
        stopped.set()
        writer.transport.abort()

    async with listening(tmp_path / "s", pour) as bridge:
        spec = bridged(make, bridge, support, CONNECT + "time.sleep(600)")
        async with await start(spec, support), asyncio.timeout(10):
            await stopped.wait()

    assert 0 < written < 64 * 1024**2


async def test_a_server_that_is_gone_is_an_error_and_not_an_end(
    make: Maker, support: SandboxSupport, tmp_path: Path
) -> None:
    program = "try: " + CONNECT + "print(s.recv(9) or 'end')\nexcept ConnectionError: print('broken')"
    path = tmp_path / "s"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))  # and nobody listens
    path.chmod(0o666)
    _, said, _ = await outcome(bridged(make, Bridge(PORT, path), support, program), support)
    listener.close()

    assert said == "broken\n"


async def test_a_signal_to_its_own_group_does_not_cut_the_agent_off(
    make: Maker, either: SandboxSupport, tmp_path: Path
) -> None:
    program = (
        "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.kill(0, signal.SIGTERM); "
        + CONNECT
        + "s.sendall(b'here'); print(s.recv(99).decode())"
    )
    async with listening(tmp_path / "s") as bridge:
        _, said, _ = await outcome(bridged(make, bridge, either, program), either)

    assert said == "here\n"


async def test_the_command_has_no_child_and_no_file_of_it(make: Maker, either: SandboxSupport, tmp_path: Path) -> None:
    program = "import os; print(sorted(os.listdir('/proc/self/fd'))); os.waitpid(-1, 0)"
    async with listening(tmp_path / "s") as bridge:
        _, said, complained = await outcome(bridged(make, bridge, either, program), either)

    assert said == "['0', '1', '2', '3']\n"
    assert "ChildProcessError" in complained


async def test_no_signal_is_ignored_or_held_back(make: Maker, either: SandboxSupport, tmp_path: Path) -> None:
    """Neither what Python ignores, nor what was ignored for a server that a script started in its background."""
    show = "grep -E 'Sig(Ign|Blk)' /proc/self/status"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        async with listening(tmp_path / "s") as bridge:
            spec = replace(bridged(make, bridge, either, ""), command=("/bin/sh", "-c", show))
            _, said, _ = await outcome(spec, either)
    finally:
        signal.signal(signal.SIGINT, before)

    of_the_c_library = 0b11 << 31  # 32 and 33 are its own: no program can set them, and some are seen ignored
    assert [int(word, 16) & ~of_the_c_library for word in said.split()[1::2]] == [0, 0]


async def test_the_bridge_does_not_take_the_agents_last_process(
    make: Maker, support: SandboxSupport, tmp_path: Path
) -> None:
    async with listening(tmp_path / "s") as bridge:
        spec = make.shell("/bin/true; echo done", bridges=(bridge,), limits=Limits(processes=2))
        code, said, complained = await outcome(spec, support)

    assert (code, said) == (0, "done\n"), complained


async def test_a_pause_stops_it_and_going_on_goes_on(make: Maker, support: SandboxSupport, tmp_path: Path) -> None:
    program = (
        CONNECT
        + "s.sendall(b'x'); s.recv(9); print('up', flush=True); input(); s.sendall(b'later'); print(s.recv(9).decode())"
    )
    async with (
        listening(tmp_path / "s") as bridge,
        await start(bridged(make, bridge, support, program), support) as process,
    ):
        assert await process.stdout.readline() == b"up\n"
        await process.suspend()
        assert {one.status() for one in process.members()} == {"stopped"}
        await process.resume()
        process.stdin.write(b"\n")
        assert await process.stdout.readline() == b"later\n"


async def test_a_taken_port_is_told_in_a_line(make: Maker, tmp_path: Path) -> None:
    support = SUPPORTS["unsandboxed"]
    assert support is not None
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with listening(tmp_path / "s") as bridge:
            spec = make.python("print('started')", bridges=(replace(bridge, port=taken.getsockname()[1]),))
            code, said, complained = await outcome(spec, support)

    assert (code, said) == (1, "")
    assert complained.startswith("The way to the server could not be opened at 127.0.0.1:")


async def test_without_a_sandbox_it_ends_when_its_command_was_killed(make: Maker, tmp_path: Path) -> None:
    support = SUPPORTS["unsandboxed"]
    assert support is not None
    async with listening(tmp_path / "s") as bridge:
        spec = bridged(make, bridge, support, "import time; print('up', flush=True); time.sleep(600)")
        async with await start(spec, support, allow_unsandboxed=True) as process:
            assert await process.stdout.readline() == b"up\n"
            members = process.members()
            os.kill(process.pid, signal.SIGKILL)
            others = [one for one in members if one.pid != process.pid]
            assert len(others) == 1
            await asyncio.to_thread(others[0].wait, 5)


def test_it_works_for_a_server_of_any_user(worker: Worker) -> None:
    path = worker.folder / "gateway.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen()
        with worker.started(CONNECT + "print(s.recv(9).decode())", holds=False, bridges={PORT: str(path)}) as server:
            listener.settimeout(20)
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"hello")
            assert "hello" in server.communicate(timeout=20)[0]
