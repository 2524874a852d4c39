"""Plays rounds on the database of the settings module: `bin/test --rounds [N]` (docs/events.md)."""

import argparse
import logging
import random
import sys
import tempfile
import time
from pathlib import Path

import django

django.setup()
logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every request

from tests import databases  # noqa: E402 - reads the settings
from tests.rounds.plan import make_plan  # noqa: E402
from tests.rounds.series import play  # noqa: E402
from tests.rounds.served import play_served  # noqa: E402


def main(arguments: list[str]) -> int:
    """Reads the command line; the exit status."""
    parser = argparse.ArgumentParser(prog="bin/test --rounds", description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=1000)
    parser.add_argument("--seed", type=int, help="the first round's; the next ones count on")
    parser.add_argument("--served", type=int, default=2, help="so many more on a real bin/serve (default: %(default)s)")
    parser.add_argument("-x", "--exitfirst", action="store_true", help="stop at the first round that fails")
    parser.add_argument("--show", action="store_true", help="only print the plan of the seed")
    known = parser.parse_args(arguments)
    seed = random.randrange(2**31) if known.seed is None else known.seed  # noqa: S311 - printed, to be had again
    if known.show:
        print(make_plan(seed))
        return 0
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="quarterdeck-rounds-") as folder,
        databases.place() as place,
    ):
        migrated = databases.migrated(place)
        failed = play(migrated, Path(folder), range(seed, seed + known.rounds), is_first_enough=known.exitfirst)
        seconds = time.monotonic() - began
        print(f"── {known.rounds} rounds from seed {seed}: {failed} failed, {seconds:.0f} s", flush=True)
        if known.served:
            failed += play_served(migrated, Path(folder) / "served", range(seed, seed + known.served))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
