"""Rounds on a real `bin/serve`: agents write, the supervisor brings back what is killed, readers go on meanwhile."""

import dataclasses
import os
import random
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import git
from tests.databases import Migrated
from tests.flows.client import Client, web_process, worker_of_agent
from tests.rounds import checks
from tests.rounds.plan import Reader, make_plan
from tests.rounds.processes import Zygote, zygote
from tests.rounds.progress import Progress
from tests.rounds.readers import Reading
from tests.rounds.rounds import join, start
from tests.serving import Server, serving, wait_until

AT_REST = ("completed", "failed", "cancelled")
QUIET_READS = 3
STREAMS = "QUARTERDECK_PARAM_LIMITS_STREAMS_PER_USER"


class ServedWeb:
    """The server's web process, wherever the supervisor has it; two readers' names for it are the same one."""

    def __init__(self, server: Server) -> None:
        self.port = int(server.address.rpartition(":")[2])

    def kill(self, number: int) -> None:
        """Readers kill nothing here: a supervisor gives up on what fails too often."""


def play_served(migrated: Migrated, folder: Path, seeds: Sequence[int]) -> int:
    """Plays the rounds of these seeds on one server and prints what was wrong; how many failed."""
    folder.mkdir()
    failed = kills = 0
    with ExitStack() as stack:
        serve = stack.enter_context(serving(folder, migrated))
        server = serve(**{STREAMS: "100"})
        stack.callback(Client.close_all)
        client = Client(server)
        project = client.make_project(_remote(folder))
        forks = stack.enter_context(zygote(server.environment, folder / "zygote.log"))
        for seed in seeds:
            faults, killed = _round(seed, server, client, project, forks)
            kills += killed
            if faults:
                failed += 1
                print("\n   ".join([f"round {seed} on bin/serve failed:", *faults]), flush=True)
    print(
        f"── {len(seeds)} rounds on bin/serve from seed {seeds[0]}: {failed} failed, {kills} processes killed",
        flush=True,
    )
    return failed


def _remote(folder: Path) -> Path:
    work = folder / "work"
    work.mkdir()
    git("init", "-q", "-b", "main", cwd=work)
    (work / "a.txt").write_text("a\n")
    git("add", ".", cwd=work)
    git("commit", "-q", "-m", "First", cwd=work)
    git("clone", "-q", "--bare", work, folder / "remote.git")
    return folder / "remote.git"


def _prompt(chance: random.Random) -> str:
    """Some blocks that print lines, now and then."""
    blocks = []
    for number in range(chance.randint(2, 4)):
        lines = f"for n in $(seq {chance.randint(1, 40)}); do echo {number} $n; sleep 0.0{chance.randint(1, 5)}; done"
        blocks.append(f"Step {number}.\n\n```sh\n{lines}\necho {number} >> b.txt\n```\n")
    return "\n".join(blocks)


def _round(seed: int, server: Server, client: Client, project: int, forks: Zygote) -> tuple[list[str], int]:
    """What was wrong, and how many processes were killed."""
    chance, plan = random.Random(seed), make_plan(seed)  # noqa: S311 - to be had again
    before = forks.ask("world:read", projects=[project])["rows"]
    runs = [client.start_run(project, _prompt(chance)) for _ in range(2)]
    progress, web = Progress(2), ServedWeb(server)
    readings = [
        Reading(
            plan=_without_kills(reader),
            token=client.http.headers["Authorization"].removeprefix("Bearer "),
            run=None if reader.run is None else runs[reader.run % 2],
            begun_at=before[-1]["id"] if before else 0,
            webs=[web, web],
            progress=progress,
        )
        for reader in plan.readers
    ]
    kills = 0
    threads = start([reading.work for reading in readings])
    try:
        for victim in chance.sample(("web", "worker"), 2):
            _wait_for_events(forks, project, len(before) + chance.randint(4, 25), runs)
            kills += _kill(victim, server)
            progress.tell([])
        for run in runs:
            wait_until(partial(_is_at_rest, server, client, run), 120)
    finally:
        progress.end()
    table = _quiet_table(forks, project)
    visible = frozenset([project])
    for reading in readings:
        reading.expect([row["id"] for row in checks.expected_rows(reading, table, visible)])
    join(threads)
    faults = checks.faults_of_table(table)
    for number, reading in enumerate(readings):
        found = checks.faults_of_reader(reading, checks.expected_rows(reading, table, visible), {})
        faults += [f"reader {number} (run {reading.run}, {reading.plan.wish.query()}): {fault}" for fault in found]
    return faults, kills


def _without_kills(reader: Reader) -> Reader:
    """Its place is known from the start: the runs have begun before it comes."""
    legs = tuple(dataclasses.replace(leg, kill=None) for leg in reader.legs)
    return dataclasses.replace(reader, legs=legs, is_from_now=reader.is_from_now and reader.run is not None)


def _wait_for_events(forks: Zygote, project: int, count: int, runs: Sequence[int]) -> None:
    """Until so many are in the table, or no run goes on."""

    def has_come() -> bool:
        rows = forks.ask("world:read", projects=[project])["rows"]
        ended = {row["run"] for row in rows if row["eventType"] in ("run_completed", "run_failed")}
        return len(rows) >= count or ended >= set(runs)

    wait_until(has_come)


def _kill(victim: str, server: Server) -> bool:
    """kill -9, if it is there: a worker only while it has an agent."""
    try:
        process = web_process(server) if victim == "web" else worker_of_agent(server)
    except (AssertionError, StopIteration):  # the runs have ended, or the one before is not back yet
        return False
    os.kill(process.pid, signal.SIGKILL)
    return True


def _is_at_rest(server: Server, client: Client, run: int) -> bool:
    """Whether the API says so; it says nothing while there is no web process."""
    assert server.process.poll() is None, "the server has ended"
    try:
        answer = client.http.get(f"/api/runs/{run}")
    except httpx.TransportError:
        return False
    return answer.is_success and answer.json()["status"] in AT_REST


def _quiet_table(forks: Zygote, project: int) -> dict[str, Any]:
    """The table once nothing is written any more: what a project tells of itself may come after the runs' ends."""
    reads = [forks.ask("world:read", projects=[project])]
    while len(reads) < QUIET_READS or reads[-1] != reads[-QUIET_READS]:
        reads.append(forks.ask("world:read", projects=[project]))
    return reads[-1]
