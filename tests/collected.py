"""Collects the tests twice, as the workers of pytest-xdist do, and fails where the names are not the same both times.

The workers compare theirs too, but a name with a second, a signature or a set's order in it differs only now and then.
"""

import os
import subprocess
import sys
import time
from itertools import zip_longest

APART_SECONDS = 1.1  # what is told to the second differs then
SHOWN = 10


def begin(hash_seed: str) -> "subprocess.Popen[str]":
    """Start collecting, with strings hashed in a way of its own."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:randomly", "-p", "no:xdist"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def names(process: "subprocess.Popen[str]") -> list[str]:
    """The collected tests in their order; ends this program when collecting fails."""
    output, _ = process.communicate()
    if process.returncode:
        sys.exit(f"{output}\nCollecting the tests ended with {process.returncode}.")
    return [line for line in output.splitlines() if "::" in line]


def main() -> int:
    """Print what differs; the exit status."""
    first = begin("1")
    time.sleep(APART_SECONDS)
    second = begin("2")
    pairs = list(zip_longest(names(first), names(second)))
    different = [pair for pair in pairs if pair[0] != pair[1]]
    for one, other in different[:SHOWN]:
        print(f"Collected as {one}\nand again as {other}")
    print(f"{len(pairs)} tests, {len(different)} with another name or place the second time")
    return int(bool(different))


if __name__ == "__main__":
    sys.exit(main())
