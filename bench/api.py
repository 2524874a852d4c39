"""Measures the API's requests: each beside the same bytes from a bare Channels handler, in turns; goals are printed.

`.venv/bin/python bench/api.py [--rows N] [--seconds S]`, from any folder, on SQLite and on PostgreSQL. It works in
temporary folders and touches nothing else.
"""

import argparse
import asyncio
import gc
import logging
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
CONNECTIONS = 8
TURNS = 3
FEW_ROWS = 10_000
DRAFTS = 5_000
PAGE = "?limit=200"


@dataclass
class Measured:
    """Seconds of each request of one route, and how long all of them took."""

    times: list[float] = field(default_factory=list)
    elapsed: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.times) / self.elapsed

    def percentile(self, hundredth: int) -> float:
        """Milliseconds."""
        return statistics.quantiles(self.times, n=100)[hundredth - 1] * 1000


async def ask(
    port: int, requests: Iterator[str], token: str, seconds: float, found: Measured, connections: int = CONNECTIONS
) -> None:
    """Asks over kept connections for so long; `requests` are methods and paths, a refusal of one ends the bench."""
    begun_at = time.perf_counter()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (sent_at := time.perf_counter()) < begun_at + seconds and (request := next(requests, None)):
            head = (
                f"{request} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
            )
            writer.write(head.encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            if not answer.startswith(b"HTTP/1.1 20"):
                raise SystemExit(f"{request}: {body.decode()}")
            found.times.append(time.perf_counter() - sent_at)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(connections)))
    found.elapsed += time.perf_counter() - begun_at


def measure(ports: tuple[int, ...], path: str, token: str, seconds: float, connections: int = CONNECTIONS) -> Any:
    """The servers in turn, so that what else the machine does meets all of them."""
    found = tuple(Measured() for _ in ports)
    for _ in range(TURNS):
        for port, each in zip(ports, found, strict=True):
            asyncio.run(ask(port, repeat(f"GET {path}"), token, seconds / TURNS, each, connections))
    return found


def serve(kind: str, port: int) -> None:
    """One web process: the server's own, a bare handler that repeats what that answered, or the usual events page."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from config.asgi import application as real
    from config.web_server import make_server

    application: Any = real
    if kind == "bare":
        application = bare(int(os.environ["BENCH_REAL_PORT"]))
    elif kind == "serialized":
        from bench.serialized import SerializedPage

        application = SerializedPage.as_asgi()  # type: ignore[no-untyped-call] # channels has no types
    gc.collect()
    gc.freeze()  # as the supervisor does before it starts web processes (config/supervisor.py)
    make_server(application, [f"tcp:port={port}:interface=127.0.0.1"]).run()


def bare(real_port: int) -> Any:
    """A Channels consumer that answers bytes it has kept."""
    import httpx
    from channels.generic.http import AsyncHttpConsumer

    kept: dict[str, bytes] = {}
    logging.getLogger("httpx").setLevel(logging.WARNING)

    class Bare(AsyncHttpConsumer):
        async def handle(self, body: bytes) -> None:
            path = self.scope["path"] + "?" + self.scope["query_string"].decode()
            if path not in kept:
                header = dict(self.scope["headers"])[b"authorization"].decode()
                async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
                    answer = await client.get(
                        f"http://127.0.0.1:{real_port}{path}", headers={"Authorization": header, "Accept-Encoding": ""}
                    )
                kept[path] = answer.content
            content = kept[path]
            await self.send_response(  # type: ignore[no-untyped-call] # channels has no types
                200,
                content,
                headers=[(b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(content))],
            )

    return Bare.as_asgi()  # type: ignore[no-untyped-call] # channels has no types


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def servers() -> Iterator[tuple[int, int, int]]:
    """The real server, the bare one, and that of serialized events, in processes of their own."""
    ports = (free_port(), free_port(), free_port())
    environment = {**os.environ, "BENCH_REAL_PORT": str(ports[0])}
    command = [sys.executable, str(Path(__file__).resolve())]
    started = [
        subprocess.Popen([*command, "--serve", kind, "--port", str(port)], cwd=ROOT, env=environment)
        for kind, port in zip(("real", "bare", "serialized"), ports, strict=True)
    ]
    try:
        for port in ports:
            wait_for(port)
        yield ports
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def wait_for(port: int) -> None:
    """Until somebody listens there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("bench: a server did not start")


def verdict(value: float, goal: float, *, least: bool) -> str:
    """The goal and whether it is met."""
    is_met = value >= goal if least else value <= goal
    return f"{value:6.2f}  (goal {'≥' if least else '≤'} {goal:g}: {'met' if is_met else 'MISSED'})"


def bench(rows: int, seconds: float) -> None:
    """One database, which the environment names: fills it, measures, fills it up, measures the lists again."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    from django.core.management import call_command

    from bench import rows as made

    call_command("migrate", verbosity=0)
    filled = made.fill()
    made.add_runs(filled.run, FEW_ROWS)
    made.add_events(filled.run, FEW_ROWS)
    run = f"/api/runs/{filled.run}"
    events = f"{run}/events{PAGE}"
    catch_up = f"{run}/catch-up"
    counted = ("/api/auth/me", run, events, catch_up, "/api/runs", "/api/projects")
    queries = {path: count_queries(path, filled.token) for path in counted}
    with servers() as (real, plain, serialized):
        for path, goal in ((run, 0.5), (events, None), (catch_up, None), ("/api/projects", None)):
            ours, theirs = measure((real, plain), path, filled.token, seconds)
            show(f"GET {path}", ours, theirs, goal)
        alone = measure((real,), catch_up, filled.token, seconds, 1)[0].percentile(50)
        print(f"  p50 of GET {catch_up} alone, ms {verdict(alone, 100, least=False)}")
        ours, theirs = measure((real, serialized), events, filled.token, seconds)
        print(f"  times the page of a serializer {verdict(ours.per_second / theirs.per_second, 5, least=True)}")
        ours, theirs = Measured(), Measured()
        starts = (f"POST /api/runs/{pk}/start" for pk in made.add_drafts(filled.run, DRAFTS))
        asyncio.run(ask(real, starts, filled.token, seconds, ours))
        asyncio.run(ask(plain, repeat(f"GET {run}"), filled.token, seconds, theirs))
        show("POST /api/runs/{id}/start", ours, theirs, None)
        grown = {
            "/api/runs": "/api/runs",
            events: events,
            catch_up: catch_up,
            "the newest events": made.newest_page(filled.run),
        }
        lists = {
            name: measure((real,), path, filled.token, seconds / 2, 1)[0].percentile(50) for name, path in grown.items()
        }
        begun_at = time.perf_counter()
        made.add_runs(filled.run, rows - FEW_ROWS)
        made.add_events(filled.run, rows - FEW_ROWS)
        print(f"{rows} runs and events ({time.perf_counter() - begun_at:.0f} s to write)")
        grown["the newest events"] = made.newest_page(filled.run)
        for name, before in lists.items():
            now = measure((real,), grown[name], filled.token, seconds / 2, 1)[0].percentile(50)
            print(f"  GET {name}: p50 {before:.1f} → {now:.1f} ms, times {verdict(now / before, 1.5, least=False)}")
    for path, few in queries.items():
        many, most = count_queries(path, filled.token), 5 if path == run else few
        print(f"  SQL queries of GET {path}: {few}, with {rows} rows {many} (goal ≤ {most})")


def show(name: str, ours: Measured, theirs: Measured, goal: float | None) -> None:
    """Both figures of a route and what they are measured against."""
    middle, slow = ours.percentile(50), ours.percentile(99)
    print(f"{name}: {ours.per_second:.0f}/s, p50 {middle:.1f} ms, p99 {slow:.1f} ms; bare {theirs.per_second:.0f}/s")
    ratio = ours.per_second / theirs.per_second
    print(f"  times bare  {f'{ratio:6.2f}' if goal is None else verdict(ratio, goal, least=True)}")
    print(f"  p99 / p50   {verdict(slow / middle, 4, least=False)}", flush=True)


def count_queries(path: str, token: str) -> int:
    """How many statements a request takes, authentication included."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers={"Authorization": f"Bearer {token}"})
    client.get(path)  # what is kept for the process is read, and the token's use noted
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(path)
    if answer.status_code != 200:
        raise SystemExit(f"{path}: {answer.status_code}")
    return len(asked)


def main() -> int:
    """0 when everything could be measured, whatever the figures."""
    parser = argparse.ArgumentParser(description="Measures the API's requests beside a bare handler.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the long lists (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=3.0, help="seconds a route and server (default: %(default)s)")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.port)
        return 0
    if given.inside:
        bench(max(FEW_ROWS, given.rows), given.seconds)
        return 0
    from tests import postgres

    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} beforehand")
    own = [
        sys.executable,
        str(Path(__file__).resolve()),
        "--inside",
        f"--rows={given.rows}",
        f"--seconds={given.seconds}",
    ]
    with postgres.server() as address:
        for name, database in (("SQLite", {}), ("PostgreSQL", {"DATABASE_URL": address})):
            with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as home:
                environment = {key: value for key, value in os.environ.items() if not key.startswith("QUARTERDECK_")}
                limits = {f"QUARTERDECK_PARAM_LIMITS_{name}_PER_MINUTE": "1000000" for name in ("DEFAULT", "RUN_START")}
                limits["QUARTERDECK_HOME"] = home
                print(f"\n{name}", flush=True)
                subprocess.run(own, cwd=ROOT, env={**environment, **limits, **database}, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
