"""The web processes that the stream's bench compares: `stream_servers.py KIND --port N --run ID`; commands by stdin.

`real` serves as `bin/serve` does; `daphne` and `daphne-uvloop` are the same server on asyncio's own loop and on uvloop,
`uvicorn` another one with the same application. `raw` and `raw-asyncio` write prebuilt frames to whoever connects, as
chunks of HTTP/1.1, and know nothing else: what Python can do at all. `writer` serves nobody and only commits.
"""

import argparse
import asyncio
import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.stream_commits import DATA, MESSAGE, answer_commands, committer  # noqa: E402 - found by the line above

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class RawStream(asyncio.Protocol):
    """A connection that gets what all get."""

    transports: set[Any] = set()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(HEAD + chunk(b"retry: 3000\n\n"))
        self.transports.add(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transports.discard(self.transport)


def chunk(content: bytes) -> bytes:
    """As HTTP/1.1 carries it (RFC 9112, section 7.1)."""
    return b"%x\r\n%s\r\n" % (len(content), content)


async def serve_raw(port: int) -> None:
    """Writes to all connections as many prebuilt frames as each line of standard input says."""
    loop = asyncio.get_running_loop()
    frame, chunks = raw_frame(), dict[int, bytes]()
    server = await loop.create_server(RawStream, "127.0.0.1", port)
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        wanted = chunks.setdefault(int(line), chunk(frame * int(line)))
        begun_at = time.monotonic()
        for transport in RawStream.transports:
            transport.write(wanted)
        print(begun_at, flush=True)
    server.close()


def raw_frame() -> bytes:
    """As long as one of the server's."""
    import orjson

    public = {
        "id": 1_234_567,
        "runId": 1,
        "projectId": 1,
        "seq": 123_456,
        "attempt": 1,
        "eventType": "agent_message",
        "severity": "info",
        "path": None,
        "message": MESSAGE,
        "data": DATA,
        "createdAt": "2026-01-01T00:00:00.000Z",
    }
    return b"id: 1234567\nevent: agent_event\ndata: %s\n\n" % orjson.dumps(public)


def run_raw(port: int) -> None:
    """The raw server on uvloop."""
    import uvloop

    uvloop.run(serve_raw(port))


def run_real(port: int) -> None:
    """Our application behind our daphne."""
    from config.asgi import application
    from config.web_server import make_server

    make_server(application, [f"tcp:port={port}:interface=127.0.0.1"]).run()


def run_uvicorn(port: int) -> None:
    """Our application behind another server."""
    from config.asgi import application

    uvicorn: Any = import_module("uvicorn")  # no dependency, for the figure only
    uvicorn.run(application, host="127.0.0.1", port=port, log_level="warning", lifespan="off")


SERVERS: dict[str, Callable[[int], None]] = {
    "raw": run_raw,
    "raw-asyncio": lambda port: asyncio.run(serve_raw(port)),
    "real": run_real,
    "daphne": run_real,
    "daphne-uvloop": run_real,
    "uvicorn": run_uvicorn,
}


def choose_loop(kind: str) -> None:
    """Twisted's loop, before anybody imports daphne; `real` leaves the choice to the server."""
    from twisted.internet import asyncioreactor

    install: Any = asyncioreactor.install
    if kind == "daphne":
        install(asyncio.SelectorEventLoop())
    elif kind == "daphne-uvloop":
        import uvloop

        install(uvloop.new_event_loop())


def prepare(kind: str, run: int) -> None:
    """Loads the site, and has a thread answer the commands, as requests that commit something have one."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    choose_loop(kind)
    import config.asgi  # noqa: F401 - sets Django up

    commit = committer(run)
    if kind == "writer":
        answer_commands(commit)
    else:
        threading.Thread(target=answer_commands, args=(commit,), daemon=True).start()


def main() -> int:
    """Serves until it is ended by a signal, or with its standard input where it serves nobody."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=[*SERVERS, "writer"])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--run", type=int, default=0)
    given = parser.parse_args()
    if not given.kind.startswith("raw"):
        prepare(given.kind, given.run)
    gc.collect()
    gc.freeze()  # as the supervisor does before it starts web processes (config/supervisor.py)
    if given.kind != "writer":
        SERVERS[given.kind](given.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
