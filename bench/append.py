"""Measures the event log's `append`: beside the same rows by a bare driver, in turns, on SQLite and on PostgreSQL.

`.venv/bin/python bench/append.py [--rounds N] [--only DATABASE]`, from any folder. It works in temporary folders.
The floor is what a program without this project would do: the same rows into the same table with its indexes and keys,
with the same durability, and the run's row brought up to date, in one transaction a batch; the JSON of each row encoded
by orjson (or, in a second figure, encoded beforehand). Of PostgreSQL's two ways, `executemany` and COPY, the goal is
held against the faster one.
"""

import argparse
import gc
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SIZES = (20, 100, 500)
"""Events of a batch: what an agent that is busy tells of in 30 ms, and what a flood does."""
GOAL = 0.8
ROUNDS = 20
TURN_BATCHES = 6
KEYS = ("ANTHROPIC", "OPENAI", "GOOGLE")
"""Vendors whose keys the server has: secrets are looked for, in all their forms, in whatever is written."""
SQLITE_WAYS = {"as configured": "", "without waiting for the disk": "PRAGMA synchronous=OFF"}


class Row(NamedTuple):
    """One line of the table. `ratio` is ours to the floor; `goal` None: shown only."""

    name: str
    ours_per_second: float
    floor_per_second: float
    ratio: float
    goal: float | None


Write = Callable[[int], None]
"""Writes so many events in one transaction."""


def measure(rounds: int = ROUNDS, only: str = "") -> list[Row]:
    """All rows, of each database in a process of its own; `only` names one of them."""
    from tests import postgres

    rows = _of_database({}, rounds) if only in ("", "sqlite") else []
    if only in ("", "postgresql"):
        with postgres.server() as address:
            rows += _of_database({"DATABASE_URL": address}, rounds)
    return rows


def _of_database(database: dict[str, str], rounds: int) -> list[Row]:
    command = [sys.executable, str(Path(__file__).resolve()), "--inside", f"--rounds={rounds}"]
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as home:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("QUARTERDECK_")}
        environment |= {"QUARTERDECK_HOME": home, "DJANGO_SETTINGS_MODULE": "config.settings", **database}
        environment |= {f"QUARTERDECK_PARAM_PROVIDERS_{name}_API_KEY": f"key-{secrets.token_hex(24)}" for name in KEYS}
        answer = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    return [Row(*each) for each in json.loads(answer.stdout.splitlines()[-1])]


def show(rows: Sequence[Row]) -> None:
    """The table."""
    print(f"{'events a second, appended in batches':<64} {'ours':>8} {'floor':>8}  ratio")
    for row in rows:
        met = "" if row.goal is None else f"  goal ≥ {row.goal:g}: {'met' if row.ratio >= row.goal else 'MISSED'}"
        print(f"{row.name:<64} {row.ours_per_second:8.0f} {row.floor_per_second:8.0f}  {row.ratio:5.2f}{met}")


def inside(rounds: int) -> list[Row]:
    """The database that the environment names: ours beside each floor."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from bench import append_floors

    call_command("migrate", verbosity=0)
    gc.collect()
    gc.freeze()  # as the supervisor does before it starts workers (config/supervisor.py)
    rows = []
    for setting, statement in SQLITE_WAYS.items() if connection.vendor == "sqlite" else {"": ""}.items():
        if statement:
            connection.cursor().execute(statement)
        floors = append_floors.floors(statement)
        for size in SIZES:
            rows += _compared(f"{connection.vendor}, {size} a batch", setting, size, floors, rounds)
    return rows


def _compared(name: str, setting: str, size: int, floors: dict[str, tuple[Write, bool]], rounds: int) -> list[Row]:
    """Ours and each floor in turns, so that other work meets all; the goal is held against the fastest that counts."""
    from bench import append_floors

    ours, mine = append_floors.ours(), list[float]()
    theirs: dict[str, list[float]] = {way: [] for way in floors}
    for _ in range(rounds):
        mine += _seconds(ours, size)
        for way, (floor, _) in floors.items():
            theirs[way] += _seconds(floor, size)
    our_pace = size / _undisturbed(mine)
    found = []
    for way, seconds in theirs.items():
        pace, title = size / _undisturbed(seconds), ", ".join(filter(None, (name, setting, way)))
        found.append(Row(title, our_pace, pace, our_pace / pace, None))
    counted = [number for number, (_, is_encoded) in enumerate(floors.values()) if is_encoded]
    fastest = min(counted, key=lambda number: found[number].ratio)
    found[fastest] = found[fastest]._replace(goal=GOAL)
    return found


def _seconds(write: Write, size: int) -> list[float]:
    """Of each batch of a turn. The first one reads what the other ways have written, and is not counted."""
    times = []
    for _ in range(TURN_BATCHES):
        begun_at = time.perf_counter()
        write(size)
        times.append(time.perf_counter() - begun_at)
    return times[1:]


def _undisturbed(seconds: Sequence[float]) -> float:
    """The first quarter's end: into most batches other work of a busy machine falls, into some none."""
    return statistics.quantiles(seconds, n=4)[0]


def main() -> int:
    """0 when everything could be measured, whatever the figures."""
    parser = argparse.ArgumentParser(description="Measures the event log's append beside a bare driver.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="turns of each way (default: %(default)s)")
    parser.add_argument("--only", default="", choices=("sqlite", "postgresql"), help="one database")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(inside(given.rounds)))
        return 0
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} beforehand")
    show(measure(given.rounds, given.only))
    return 0


if __name__ == "__main__":
    sys.exit(main())
