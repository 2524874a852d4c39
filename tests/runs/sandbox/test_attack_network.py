"""A hostile agent against the network, in each of its modes, with the server as root and as another user.

What must not be reached are traps in the test's own process: each notes who came.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runs.execution.gateway.server import open_gateway
from runs.execution.gateway.upstream import Upstream
from runs.execution.network.allowlist import Allowlist
from runs.execution.network.proxy import Rules, open_proxy
from tests.runs.gateway.conftest import RememberingMeter
from tests.runs.sandbox.worker import Worker

pytestmark = pytest.mark.plumbing

GATEWAY, OTHER_GATEWAY, PROXY = 8317, 8417, 8318
KEY, TOKEN, OTHER_TOKEN = "sk-the-real-key", "token-of-this-run", "token-of-another-run"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"

ASKING = """
import json, socket
def status(port, request):
    with socket.create_connection(("127.0.0.1", port), 5) as to:
        to.sendall(request.encode("latin-1"))
        if "\\r\\n\\r\\n" not in request: to.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while b"\\r\\n\\r\\n" not in answer and (more := to.recv(65536)): answer += more
        except ConnectionError: pass
    return answer.split(b" ")[1].decode() if answer.startswith(b"HTTP/1.") else answer.decode("latin-1")
def outcome(action):
    try: action()
    except OSError as error: return type(error).__name__ + ":" + str(error.errno)
    return "done"
"""
DIRECT = (
    ASKING
    + """
given = json.loads(%r)
def datagram(address, port):
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(kind, socket.SOCK_DGRAM) as to:
        to.connect((address, port)); to.send(b"x"); to.settimeout(1); to.recv(1)
def path(name): socket.socket(socket.AF_UNIX).connect(name)
tried = {address + " tcp": outcome(lambda: socket.create_connection((address, given["port"]), 2))
         for address in given["addresses"]}
tried |= {address + " udp": outcome(lambda: datagram(address, given["port"])) for address in given["addresses"]}
tried |= {name: outcome(lambda: path(name)) for name in given["sockets"]}
tried["names"] = outcome(lambda: socket.getaddrinfo("example.com", 443))
tried["resolver"] = outcome(lambda: open("/etc/resolv.conf"))
print(json.dumps(tried))
"""
)
ASK_ALL = ASKING + "print(json.dumps({name: status(port, text) for name, (port, text) in json.loads(%r).items()}))"
SHARED = (
    ASKING
    + """
import fcntl, struct
def switch_off():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0))  # SIOCSIFFLAGS
def route():
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as link:
        link.send(struct.pack("=IHHIIBBBBIiIIII", 44, 16, 5, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0)[:44])
        code = struct.unpack_from("=i", link.recv(4096), 16)[0]
        if code: raise OSError(-code, "refused")
print(json.dumps({
    "a unix socket of the machine": outcome(lambda: socket.socket(socket.AF_UNIX).connect(%r)),
    "listening to others": outcome(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    "forged packets": outcome(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
    "an interface switched off": outcome(switch_off),
    "a link changed": outcome(route),
}))
"""
)


@dataclass
class Trap:
    """Listens where no agent must get to: TCP and UDP at one port of the machine, and two kinds of unix sockets."""

    port: int
    path: str
    abstract: str
    sockets: list[socket.socket] = field(repr=False)

    def visitors(self) -> int:
        """How many came until now."""
        came = 0
        for each in self.sockets:
            with contextlib.suppress(BlockingIOError):
                if each.type == socket.SOCK_DGRAM:
                    each.recv(9)
                else:
                    each.accept()[0].close()
                came += 1
        return came


@pytest.fixture
def trap(worker: Worker) -> Iterator[Trap]:
    abstract, path = f"\0quarterdeck-trap-{os.getpid()}-{worker.uid}", str(worker.folder / "trap.sock")
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("0.0.0.0", 0)))  # noqa: S104  (as servers do)
        udp, named, unnamed = (
            stack.enter_context(socket.socket(family, kind))
            for family, kind in (
                (socket.AF_INET, socket.SOCK_DGRAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
            )
        )
        udp.bind(tcp.getsockname())
        for each, name in ((named, path), (unnamed, abstract)):
            each.bind(name)
            each.listen()
        Path(path).chmod(0o666)
        for each in (tcp, udp, named, unnamed):
            each.setblocking(False)
        yield Trap(tcp.getsockname()[1], path, abstract, [tcp, udp, named, unnamed])


@dataclass
class Listed:
    """A host that the agent may reach; it notes all that it is sent, and answers every head."""

    port: int = 0
    got: bytes = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            self.got += await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
            writer.write_eof()
            self.got += await reader.read()
        writer.close()


@contextlib.asynccontextmanager
async def listed() -> AsyncIterator[Listed]:
    host = Listed()
    async with await asyncio.start_server(host.serve, "127.0.0.1", 0) as server:
        host.port = server.sockets[0].getsockname()[1]
        yield host


@contextlib.asynccontextmanager
async def proxy(worker: Worker, entries: list[str], *, allow_private: bool) -> AsyncIterator[dict[int, str]]:
    path = worker.folder / "p.sock"
    async with open_proxy(path, Rules(Allowlist(entries), allow_private, lambda _: None)):
        yield {PROXY: str(path)}


async def saw(worker: Worker, asked: dict[str, tuple[int, str]], bridges: dict[int, str]) -> dict[str, str]:
    """The status, by name, that each request got at its port of the sandbox's loopback."""
    found: dict[str, str] = await asyncio.to_thread(worker.saw, ASK_ALL % json.dumps(asked), bridges=bridges)
    return found


def own_addresses() -> list[str]:
    """Of this machine; a connected datagram socket tells the address, and nothing is sent."""
    found = ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1"]  # noqa: S104
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket, contextlib.suppress(OSError):
        any_socket.connect(("192.0.2.1", 9))
        found.append(any_socket.getsockname()[0])
    return found


@pytest.mark.parametrize("mode", ["none", "allowlist"])
async def test_nothing_is_reached_past_the_ports_that_are_offered(worker: Worker, trap: Trap, mode: str) -> None:
    addresses = [*own_addresses(), "169.254.169.254", "10.0.0.1", "192.0.2.1", "2001:db8::1"]
    sockets = [trap.path, trap.abstract, "/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket"]
    given = json.dumps({"addresses": addresses, "port": trap.port, "sockets": sockets})
    async with proxy(worker, ["localhost"], allow_private=False) as bridges:
        offered = bridges if mode == "allowlist" else {}
        seen = await asyncio.to_thread(worker.saw, DIRECT % given, bridges=offered)

    assert {name: how for name, how in seen.items() if how == "done"} == {}
    assert (len(seen), trap.visitors()) == (2 * len(addresses) + len(sockets) + 2, 0)


async def test_no_trick_makes_the_proxy_reach_what_is_not_listed(worker: Worker, trap: Trap) -> None:
    async with listed() as host, proxy(worker, [f"localhost:{host.port}"], allow_private=True) as bridges:
        good, bad = f"localhost:{host.port}", f"localhost:{trap.port}"
        tricks = {
            "unlisted": ("403", "CONNECT evil.example:443 HTTP/1.1\r\n\r\n"),
            "another port": ("403", f"CONNECT {bad} HTTP/1.1\r\n\r\n"),
            "another port, absolute": ("403", f"GET http://{bad}/ HTTP/1.1\r\nHost: {good}\r\n\r\n"),
            "its address": ("403", f"CONNECT 127.0.0.1:{host.port} HTTP/1.1\r\n\r\n"),
            "below it": ("403", f"CONNECT a.{good} HTTP/1.1\r\n\r\n"),
            "user before it": ("400", f"GET http://{good}@{bad}/ HTTP/1.1\r\n\r\n"),
            "user in a tunnel": ("400", f"CONNECT {good}@{bad} HTTP/1.1\r\n\r\n"),
            "a port too large": ("400", f"CONNECT localhost:{host.port + 65536} HTTP/1.1\r\n\r\n"),
            "two targets": ("400", f"CONNECT {good} {bad} HTTP/1.1\r\n\r\n"),
            "a zero byte": ("400", f"CONNECT {good}\0.{bad} HTTP/1.1\r\n\r\n"),
            "a fragment": ("400", f"GET http://{bad}#@{good}/ HTTP/1.1\r\n\r\n"),
            "a backslash": ("400", f"GET http://{bad}\\@{good}/ HTTP/1.1\r\n\r\n"),
            "no host": ("400", f"GET / HTTP/1.1\r\nHost: {bad}\r\n\r\n"),
            "https": ("400", f"GET https://{bad}/ HTTP/1.1\r\n\r\n"),
            "a unix socket": ("400", f"CONNECT unix:{trap.path} HTTP/1.1\r\n\r\n"),
            "HTTP/2": ("400", "PRI * HTTP/2.0\r\n\r\n"),
            "a folded line": ("400", f"GET http://{good}/ HTTP/1.1\r\nA: b\r\n c: d\r\n\r\n"),
            "a space in a name": ("400", f"GET http://{good}/ HTTP/1.1\r\nHost : {bad}\r\n\r\n"),
            "two lengths": ("400", f"POST http://{good}/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
            "length and chunks": (
                "400",
                f"POST http://{good}/ HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            ),
            "chunks in disguise": ("400", f"POST http://{good}/ HTTP/1.1\r\nTransfer-Encoding: x, chunked\r\n\r\n"),
            "lines without returns": ("", f"CONNECT {bad} HTTP/1.1\n\n"),
        }
        seen = await saw(worker, {name: (PROXY, text) for name, (_, text) in tricks.items()}, bridges)

    assert seen == {name: wanted for name, (wanted, _) in tricks.items()}
    assert (trap.visitors(), host.got) == (0, b"")


async def test_whatever_a_request_says_it_reaches_the_listed_host_alone(worker: Worker, trap: Trap) -> None:
    async with listed() as host, proxy(worker, [f"localhost:{host.port}"], allow_private=True) as bridges:
        good, bad = f"http://localhost:{host.port}", f"localhost:{trap.port}"
        tricks = {
            "another Host": f"GET {good}/1 HTTP/1.1\r\nHost: {bad}\r\nX-Forwarded-Host: {bad}\r\n\r\n",
            "a hidden Host": f"GET {good}/2 HTTP/1.1\r\nConnection: keep-alive, Host\r\nHost: {bad}\r\n\r\n",
            "a second request": f"GET {good}/3 HTTP/1.1\r\n\r\nGET http://{bad}/smuggled HTTP/1.1\r\n\r\n",
            "a second in the body": f"PUT {good}/4 HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
        }
        seen = await saw(worker, {name: (PROXY, text) for name, text in tricks.items()}, bridges)

    assert seen == dict.fromkeys(tricks, "200")
    hosts = [line for line in host.got.split(b"\r\n") if line.lower().startswith(b"host:")]
    assert (hosts, b"smuggled" in host.got) == ([b"Host: localhost:%d" % host.port] * len(tricks), False)
    assert trap.visitors() == 0


async def test_listed_names_of_the_machine_itself_and_of_private_networks_are_closed(
    worker: Worker, trap: Trap
) -> None:
    names = ["localhost", "127.0.0.1", "127.1", "0.0.0.0", "169.254.169.254", "10.0.0.1", *own_addresses()[4:]]  # noqa: S104
    entries = [f"{name}:{trap.port}" for name in names]
    async with proxy(worker, entries, allow_private=False) as bridges:
        asked = {f"CONNECT {entry}": (PROXY, f"CONNECT {entry} HTTP/1.1\r\n\r\n") for entry in entries}
        asked |= {f"GET {entry}": (PROXY, f"GET http://{entry}/api/meta HTTP/1.1\r\n\r\n") for entry in entries}
        asked["IPv6"] = (PROXY, f"CONNECT [::1]:{trap.port} HTTP/1.1\r\n\r\n")
        seen = await saw(worker, asked, bridges)

    assert (set(seen.values()), trap.visitors()) == ({"403"}, 0), seen


async def test_the_gateway_serves_its_own_run_and_leads_nowhere_else(
    worker: Worker, trap: Trap, caplog: pytest.LogCaptureFixture
) -> None:
    bad = f"127.0.0.1:{trap.port}"
    own, foreign = (f"Authorization: Bearer {token}\r\n" for token in (TOKEN, OTHER_TOKEN))

    def ask(line: str, headers: str, body: str = "") -> tuple[int, str]:
        return GATEWAY, f"{line} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}"

    refused = {
        "no token": ("401", ask("GET /openai/v1/models", "")),
        "a token of another run": ("401", ask("GET /openai/v1/models", foreign)),
        "that in another place": (
            "401",
            ask(f"GET /openai/v1/models?key={OTHER_TOKEN}", f"X-Api-Key: {OTHER_TOKEN}\r\n"),
        ),
        "its own token at another gateway": ("401", (OTHER_GATEWAY, ask("GET /openai/v1/models", own)[1])),
        "a tunnel": ("404", ask(f"CONNECT {bad}", own)),
        "another server's address": ("404", ask(f"GET http://{bad}/api/meta", own)),
        "two slashes": ("404", ask(f"GET //{bad}/api/meta", own)),
        "dots": ("404", ask("GET /openai/v1/../../api/meta", own)),
        "hidden dots": ("404", ask("GET /openai/v1/%2e%2e/%2e%2e/api/meta", own)),
        "an address behind a vendor": ("404", ask(f"GET /openai/@{bad}/v1/models", own)),
        "files of the account": ("404", ask("GET /openai/v1/files", own)),
        "keys of the account": ("404", ask("GET /openai/v1/organization/admin_api_keys", own)),
        "a vendor without a key": ("403", ask("GET /anthropic/v1/models", own)),
        "two lengths": ("400", ask("POST /openai/v1/responses", own + "Content-Length: 7\r\n", "{}")),
        "length and chunks": (
            "400",
            ask("POST /openai/v1/responses", own + "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ),
    }
    async with listed() as host, contextlib.AsyncExitStack() as stack:
        upstreams, sockets = {"openai": Upstream(f"http://127.0.0.1:{host.port}", KEY)}, {}
        for port, token in ((GATEWAY, TOKEN), (OTHER_GATEWAY, OTHER_TOKEN)):
            sockets[port] = str(worker.folder / f"{port}.sock")
            await stack.enter_async_context(open_gateway(Path(sockets[port]), upstreams, token, RememberingMeter()))
        seen = await saw(worker, {name: asked for name, (_, asked) in refused.items()}, sockets)
        assert (seen, host.got, trap.visitors()) == ({name: wanted for name, (wanted, _) in refused.items()}, b"", 0)
        good = {
            "a Host": (GATEWAY, f"GET /openai/v1/models HTTP/1.1\r\nHost: {bad}\r\n{own}\r\n"),
            "an address": ask(f"GET http://{bad}/openai/v1/models", own),
        }
        seen = await saw(worker, good, sockets)

    assert (seen, trap.visitors()) == (dict.fromkeys(good, "200"), 0)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
    assert (host.got.count(KEY.encode()), TOKEN.encode() in host.got, bad.encode() in host.got) == (2, False, False)


def test_an_open_network_is_used_and_not_ruled(worker: Worker, trap: Trap) -> None:
    seen: dict[str, Any] = worker.saw(SHARED % trap.path, shares_network=True)

    assert {name: how for name, how in seen.items() if how == "done"} == {}
    assert (len(seen), trap.visitors()) == (5, 0)
