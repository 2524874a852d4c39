"""Measures the event stream: beside a raw server that writes prebuilt frames, in turns; the goals are printed.

`.venv/bin/python bench/stream.py [--seconds S] [--readers N] [--only LINE] [--database NAME] [--servers]
[--peer]`, from any folder, on SQLite and on PostgreSQL. It works in temporary folders and touches nothing else.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.stream_lines import LIVE_PER_SECOND, Load, keep_pace, saturate, tick  # noqa: E402 - found by the line above
from bench.stream_processes import PEER_PYTHON, Server, serving, writing  # noqa: E402
from bench.stream_readers import Crowd  # noqa: E402

TURNS = 3
WARM_EVENTS = 20
WARM_SECONDS = 20.0
SETTLE_SECONDS = 1.0
OWN_WRITERS = ("raw", "raw-asyncio", "peer")
LONG_RUN_EVENTS = 100_000
PEER = "django-eventstream==5.3.4"
COMPARED = ("raw-asyncio", "daphne", "daphne-uvloop", "uvicorn")
LIMITS = {"STREAMS_PER_USER": "10000", "STREAM_OPENS_PER_MINUTE": "1000000", "DEFAULT_PER_MINUTE": "1000000"}


@dataclass(frozen=True)
class Options:
    """What the command line says, and the bench's person."""

    seconds: float
    readers: int
    rows: int
    token: str
    template: int

    def new_run(self) -> int:
        """A run without any event."""
        from bench import rows

        return rows.add_drafts(self.template, 1)[0]


def show(what: str, measured: str, beside: str = "", goal: str = "", is_met: bool | None = None) -> None:
    """One row of the table."""
    verdict = "" if is_met is None else "met" if is_met else "MISSED"
    print(f"  {what:<44} {measured:>20}  {beside:<30} {goal:<20} {verdict}".rstrip(), flush=True)


def show_most(what: str, value: float, unit: str, goal: float, beside: str = "") -> None:
    """A row whose goal is met at or below it."""
    show(what, f"{value:.2f} {unit}", beside, f"goal ≤ {goal:g} {unit}", value <= goal)


def show_least(what: str, value: float, unit: str, goal: float, beside: str = "") -> None:
    """A row whose goal is met at or above it."""
    show(what, f"{value:.2f} {unit}", beside, f"goal ≥ {goal:g} {unit}", value >= goal)


@dataclass
class Side:
    """A web process with its readers, and a process that commits what they get; a raw server's is itself."""

    server: Server
    writer: Server
    crowd: Crowd
    kb_a_connection: float


async def open_side(stack: AsyncExitStack, kind: str, options: Options, run: int, readers: int) -> Side:
    """The server started and warm, and everybody connected; the memory that each of the later half took."""
    server = await stack.enter_async_context(serving(kind, run))
    writer = server if kind in OWN_WRITERS else await stack.enter_async_context(writing(run))
    path = "/events/" if kind == "peer" else f"/api/runs/{run}/events/stream"
    headers = f"Authorization: Bearer {options.token}\r\n"
    first, crowd = Crowd(), Crowd()
    await first.open(server.port, 1, path, headers)
    for source in (server, writer):
        await source.commit(WARM_EVENTS)
    await first.has(2 * WARM_EVENTS, WARM_SECONDS)
    first.close()
    await asyncio.sleep(SETTLE_SECONDS)
    stack.callback(crowd.close)
    early = readers // 2
    before = 0.0
    for more in (early, readers - early):  # threads, caches and freed memory are there before the later ones count
        before = server.private_kb
        await crowd.open(server.port, more, path, headers)
        await asyncio.sleep(SETTLE_SECONDS)  # what is replayed has come
    return Side(server, writer, crowd, (server.private_kb - before) / (readers - early))


async def measure_fan_out(options: Options, kind: str, run: int) -> None:
    """Both in turn, so that what else the machine does meets both."""
    loads = (Load(), Load())
    async with AsyncExitStack() as stack:
        sides = [await open_side(stack, each, options, run, options.readers) for each in ("raw", kind)]
        for _ in range(TURNS):
            for side, load in zip(sides, loads, strict=True):
                await saturate(side.server, side.writer, side.crowd, options.seconds / TURNS, load)
    raw, ours = loads
    show(
        "saturated fan-out, events a CPU second",
        f"{ours.per_processor_second / 1e6:.2f} M",
        f"raw {raw.per_processor_second / 1e6:.2f} M",
    )
    show_least("  times raw", ours.per_processor_second / raw.per_processor_second, "", 0.7)
    show_delivered("  delivered", ours)


async def measure_live(options: Options, kind: str, run: int) -> None:
    """The raw server, ours with events of another process, as agents' are, and with events of its own."""
    raw, ours, own = Load(), Load(), Load()
    async with AsyncExitStack() as stack:
        sides = [await open_side(stack, each, options, run, options.readers) for each in ("raw", kind)]
        beside, side = sides
        for _ in range(TURNS):
            seconds = options.seconds / TURNS
            await keep_pace(beside.server, beside.server, beside.crowd, seconds, raw)
            await keep_pace(side.server, side.writer, side.crowd, seconds, ours)
            await keep_pace(side.server, side.server, side.crowd, seconds, own)
    show_delivered(f"live, {LIVE_PER_SECOND} events/s", ours)
    of_raw = f"raw p50 {raw.percentile(50):.1f} p99 {raw.percentile(99):.1f} ms"
    for what, load in (("of its own process", own), ("of another process", ours)):
        p50, p99 = load.percentile(50), load.percentile(99)
        show(f"  commit to client, {what}", f"p50 {p50:.1f} p99 {p99:.1f} ms", of_raw)
        show_most("    p50, times raw", p50 / raw.percentile(50), "", 1.4)
    show_most("  of one core", ours.processor_share, "%", 20, f"raw {raw.processor_share:.1f} %")
    show_most("  a connection", side.kb_a_connection, "kB", 15)


async def measure_one_reader(options: Options, kind: str, run: int) -> None:
    """Events one by one, at moments that the server's clock does not know."""
    raw, own, other = Load(), Load(), Load()
    async with AsyncExitStack() as stack:
        beside, side = [await open_side(stack, each, options, run, 1) for each in ("raw", kind)]
        for _ in range(TURNS):
            seconds = options.seconds / TURNS
            await tick(beside.server, beside.server, beside.crowd, seconds, raw)
            await tick(side.server, side.server, side.crowd, seconds, own)
            await tick(side.server, side.writer, side.crowd, seconds, other)
    is_sqlite = "DATABASE_URL" not in os.environ
    for what, load, goal in (("same process", own, 1.5), ("other process", other, 20 if is_sqlite else 5)):
        beside_it = f"p99 {load.percentile(99):.2f}; raw p50 {raw.percentile(50):.2f} ms"
        show_most(f"one reader, commit to client, {what}, p50", load.percentile(50), "ms", goal, beside_it)


async def measure_peer(options: Options, kind: str, run: int) -> None:
    """The same rate to as many readers, and what had come when the time was over."""
    ours, theirs = Load(), Load()
    async with AsyncExitStack() as stack:
        sides = [await open_side(stack, each, options, run, options.readers) for each in (kind, "peer")]
        for side, load in zip(sides, (ours, theirs), strict=True):
            await keep_pace(side.server, side.writer, side.crowd, options.seconds, load, drain_seconds=0.1)
    for what, mine, its, goal in (
        ("events a CPU second", ours.per_processor_second, theirs.per_processor_second, 15),
        ("delivered a second", ours.per_second, theirs.per_second, 5),
    ):
        show(f"{PEER}, {what}", f"{its:.0f}", f"ours {mine:.0f}")
        show_least("  ours, times as many", mine / max(1.0, its), "", goal)


async def show_pages(options: Options, kind: str, run: int) -> None:
    """A page with authentication and limits, beside a serializer's without; the newest page of a long log."""
    from bench.stream_pages import measure_pages

    pages = await asyncio.to_thread(measure_pages, options.template, options.token, options.rows, options.seconds / 3)
    beside = f"serializer {pages.serialized_per_second:.0f}"
    show("page of 200 events, requests a second", f"{pages.per_second:.0f}", beside)
    show_least("  times a serializer's", pages.per_second / pages.serialized_per_second, "", 5)
    show("tail page, p50", f"{pages.many_ms:.2f} ms", f"of 10000 rows {pages.few_ms:.2f} ms")
    show_most(f"  {options.rows} rows, times 10000", pages.many_ms / pages.few_ms, "", 1.5)


async def show_replay(options: Options, kind: str, run: int) -> None:
    """A run of many events, read from the first on, beside a loop that only reads and frames the table's pages."""
    from bench.stream_replay import lengthen, replay

    await asyncio.to_thread(lengthen, run, LONG_RUN_EVENTS)
    headers = f"Authorization: Bearer {options.token}\r\n"
    async with serving(kind, run) as server:
        await replay(server, run, LONG_RUN_EVENTS, headers)  # its threads, caches and connections are there then
        found = await replay(server, run, LONG_RUN_EVENTS, headers)
    show(f"replay of {LONG_RUN_EVENTS} events, first one after", f"{1000 * found.first_seconds:.0f} ms")
    of_table = f"table read and framed {found.table_per_second:.0f}"
    show("  events a second", f"{found.per_second:.0f}", of_table)
    show("  times the table's", f"{found.per_second / found.table_per_second:.2f}")
    show("  memory meanwhile", f"{found.grown_mb:.1f} MB more")


def show_delivered(what: str, load: Load) -> None:
    """A row about how much of everything came."""
    show(what, f"{load.delivered} of {load.expected}", "", "goal all", load.delivered == load.expected)


LINES: dict[str, Callable[[Options, str, int], Coroutine[Any, Any, None]]] = {
    "fan-out": measure_fan_out,
    "live": measure_live,
    "one-reader": measure_one_reader,
    "peer": measure_peer,
    "replay": show_replay,
    "pages": show_pages,
}


def bench(given: argparse.Namespace) -> None:
    """One database, which the environment names."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django
    import uvloop

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from bench import rows

    call_command("migrate", verbosity=0)
    filled = rows.fill(1)
    options = Options(given.seconds, given.readers, given.rows, filled.token, filled.run)
    for name, measure in LINES.items():
        is_compared = given.servers and name in ("fan-out", "live")
        if given.only in name and (name != "peer" or given.peer):
            for kind in compared() if is_compared else ("real",):
                run = options.new_run()
                connections.close_all()
                if is_compared:
                    print(kind)
                uvloop.run(measure(options, kind, run))


def compared() -> tuple[str, ...]:
    """The servers that are here; uvicorn is no dependency."""
    return COMPARED if find_spec("uvicorn") else COMPARED[:-1]


def show_append() -> None:
    """The writer's own bench, in short."""
    from bench.append import measure

    print("\nAppend, batched", flush=True)
    for row in measure():
        of = f"floor {row.floor_per_second:.0f}"
        show(row.name, f"{row.ours_per_second:.0f} rows/s", of)
        if row.goal is not None:
            show_least("  times the floor", row.ratio, "", row.goal)


def add_peer(folder: str) -> str:
    """A virtual environment with the peer; its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(Path(folder) / "bin/python")
    wanted = [PEER, "daphne>=4.2,<5", "django>=5.2,<5.3", "requests"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    return python


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measures the event stream beside a raw server, on both databases.")
    parser.add_argument("--seconds", type=float, default=9.0, help="seconds a line and server (default: %(default)s)")
    parser.add_argument("--readers", type=int, default=200, help="open streams (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the long log (default: %(default)s)")
    parser.add_argument(
        "--only", default="", metavar="LINE", help=f"those with that in their name: {', '.join(LINES)}, append"
    )
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="one of the two")
    parser.add_argument("--servers", action="store_true", help="compare daphne on both loops, and uvicorn if installed")
    parser.add_argument("--peer", action="store_true", help=f"fetches {PEER} and holds it against ours")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """0 when everything could be measured, whatever the figures."""
    given = read_arguments()
    if given.inside:
        bench(given)
        return 0
    from tests import postgres

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a stream takes several files of its server
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} beforehand")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("QUARTERDECK_")}
    environment.pop("DATABASE_URL", None)
    for limit, value in LIMITS.items():
        environment[f"QUARTERDECK_PARAM_LIMITS_{limit}"] = value
    with contextlib.ExitStack() as stack:
        if given.peer:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="quarterdeck-bench-"))
            environment[PEER_PYTHON] = add_peer(folder)
        if given.database != "sqlite":
            addresses = {"PostgreSQL": {"DATABASE_URL": stack.enter_context(postgres.server())}}
        else:
            addresses = {}
        if given.database != "postgresql":
            addresses = {"SQLite": {}, **addresses}
        for name, database in addresses.items():
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="quarterdeck-bench-"))
            print(f"\n{name}", flush=True)
            command = [sys.executable, str(Path(__file__).resolve()), "--inside", *sys.argv[1:]]
            environment["QUARTERDECK_HOME"] = home
            subprocess.run(command, cwd=ROOT, env={**environment, **database}, check=True)
    if given.only in "append" and not given.servers:
        show_append()
    return 0


if __name__ == "__main__":
    sys.exit(main())
