"""Carries out the plan of one round and tells what was wrong at its end."""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.rounds import checks
from tests.rounds.plan import WEB_PROCESSES, Plan
from tests.rounds.processes import Web, Zygote
from tests.rounds.progress import Progress
from tests.rounds.readers import Reading
from tests.rounds.writing import Writing

OPEN_SECONDS = 30.0
JOIN_SECONDS = 120.0


@dataclass
class Outcome:
    """What a round came to."""

    seed: int
    faults: list[str] = field(default_factory=list)
    events: int = 0
    given: int = 0
    connections: int = 0
    kills: int = 0


def carry_out(plan: Plan, forks: Zygote, log: Path) -> Outcome:
    """The whole round."""
    log_begins_at = log.stat().st_size
    world = forks.ask("world:make", seed=plan.seed)
    with ExitStack() as stack:
        webs = [Web(forks, plan.tuning[number]) for number in range(WEB_PROCESSES)]
        for web in webs:
            stack.callback(web.end)
        progress = Progress(sum(len(writer.batches) for writer in plan.writers))
        readings = [
            Reading(
                plan=reader,
                token=world["tokens"][reader.person],
                run=None if reader.run is None else world["runs"][reader.run],
                begun_at=world["begun_at"],
                webs=webs,
                progress=progress,
            )
            for reader in plan.readers
        ]
        writings = [
            Writing(f"w{number}", writer, world["runs"][writer.run], world["tokens"][0], forks, webs, progress)
            for number, writer in enumerate(plan.writers)
        ]
        table, kills = _play(plan, webs, progress, readings, writings, forks, world)
    outcome = Outcome(plan.seed, events=len(table["rows"]), kills=kills)
    outcome.faults = _faults(readings, writings, table, world, progress)
    outcome.faults += _told_of_errors(log, log_begins_at)
    outcome.given = sum(len(reading.seen) for reading in readings)
    outcome.connections = sum(reading.connections for reading in readings)
    return outcome


def _play(
    plan: Plan,
    webs: Sequence[Web],
    progress: Progress,
    readings: Sequence[Reading],
    writings: Sequence[Writing],
    forks: Zygote,
    world: dict[str, Any],
) -> tuple[dict[str, Any], int]:
    """Readers first, then writers and killers; the table when no writer is left, and how many were killed."""
    reading_threads = start([reading.work for reading in readings])
    try:
        for reading in readings:
            if reading.plan.begins_after == 0:
                assert reading.is_open.wait(OPEN_SECONDS), "a stream did not open"
        writing_threads = start([writing.work for writing in writings])
        killing = start([lambda: _kill_webs(plan, webs, progress)])
        join(writing_threads)
    finally:
        progress.end()
    join(killing)
    table = forks.ask("world:read", projects=_projects(world))
    for reading in readings:
        rows = checks.expected_rows(reading, table, _visible(reading, world))
        reading.expect([row["id"] for row in rows])
    join(reading_threads)
    return table, sum(len(web.former) for web in webs)


def _kill_webs(plan: Plan, webs: Sequence[Web], progress: Progress) -> None:
    for part, web, number in sorted(plan.web_kills):
        progress.wait_for(part)
        webs[web].kill(number)


def start(works: Sequence[Callable[[], None]]) -> list[threading.Thread]:
    """A thread for each."""
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    return threads


def join(threads: Sequence[threading.Thread]) -> None:
    """Waits for the end of all."""
    for thread in threads:
        thread.join(JOIN_SECONDS)
        assert not thread.is_alive(), "a reader or writer did not end"


def _projects(world: dict[str, Any]) -> list[int]:
    projects: list[int] = world["projects"]
    return projects


def _visible(reading: Reading, world: dict[str, Any]) -> frozenset[int]:
    return frozenset(_projects(world)[: 2 - reading.plan.person])


def _faults(
    readings: Sequence[Reading],
    writings: Sequence[Writing],
    table: dict[str, Any],
    world: dict[str, Any],
    progress: Progress,
) -> list[str]:
    """All that is wrong, each with who saw it."""
    faults = checks.faults_of_table(table)
    for writing in writings:
        faults += [f"writer {writing.name} failed: {writing.failure}"] if writing.failure else []
        faults += checks.faults_of_writer(writing, table)
    told = {token: number for number, token in enumerate(progress.tokens)}
    for number, reading in enumerate(readings):
        rows = checks.expected_rows(reading, table, _visible(reading, world))
        topic = "user stream" if reading.run is None else f"run {reading.run}"
        whose = f"reader {number} ({topic}, {reading.plan.wish.query()}, {reading.connections} connections)"
        faults += [f"{whose}: {fault}" for fault in checks.faults_of_reader(reading, rows, told)]
    return faults


def _told_of_errors(log: Path, begins_at: int) -> list[str]:
    """What the processes have written to their log that none may."""
    with log.open("rb") as file:
        file.seek(begins_at)
        text = file.read().decode(errors="replace")
    return [f"the log tells of errors:\n{text[-3000:]}"] if "Traceback" in text else []
