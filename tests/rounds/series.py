"""Rounds one after the other on one database, and what came of them."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.databases import Migrated
from tests.process_home import cleared
from tests.rounds.plan import make_plan
from tests.rounds.processes import Zygote, zygote
from tests.rounds.rounds import carry_out

LIMITS = ("DEFAULT_PER_MINUTE", "RUN_START_PER_MINUTE", "STREAM_OPENS_PER_MINUTE")
MANY = "1000000"
TOLD_EVERY = 25


@dataclass(frozen=True)
class Ground:
    """What rounds are played on: a zygote and the log of its processes."""

    forks: Zygote
    log: Path


@contextmanager
def ground(migrated: Migrated, folder: Path) -> Iterator[Ground]:
    """A zygote of the server's on a copy of the database."""
    home, log = folder / "home", folder / "rounds.log"
    with migrated.copied(home) as database:
        environment = {
            **cleared(dict(os.environ)),
            **{f"QUARTERDECK_PARAM_LIMITS_{name}": MANY for name in LIMITS},
            "QUARTERDECK_PARAM_LIMITS_STREAMS_PER_USER": "100",
            "QUARTERDECK_HOME": str(home),
            "DJANGO_SETTINGS_MODULE": "tests.rounds.settings",
            **database,
        }
        with zygote(environment, log) as forks:
            yield Ground(forks, log)


def play(migrated: Migrated, folder: Path, seeds: Iterable[int], *, is_first_enough: bool = False) -> int:
    """Plays the rounds of these seeds and prints what was wrong; how many failed."""
    failed = 0
    with ground(migrated, folder) as here:
        for number, seed in enumerate(seeds, start=1):
            outcome = carry_out(make_plan(seed), here.forks, here.log)
            if outcome.faults:
                failed += 1
                print("\n   ".join([f"round {seed} failed:", *outcome.faults]), flush=True)
                if is_first_enough:
                    break
            if number % TOLD_EVERY == 0:
                print(f"── {number} rounds, {failed} failed", flush=True)
    return failed
