"""Compares the schema of a repository with a second source in it: `bench/schema.py REPOSITORY…`, each a path of git's.

Read is the commit at HEAD; nothing is run and nothing is fetched. Each line is one pair of sources of one database.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from subprocess import PIPE, Popen, run

sys.path.insert(0, str(Path(__file__).parent.parent))

from docs_mgmt.generators.schema.drafts import Reading
from docs_mgmt.generators.schema.extracting import extract_schema, read_all
from docs_mgmt.generators.schema.merging import BOOKKEEPING, groups
from docs_mgmt.generators.schema.numbers import Agreement, compare

GOAL = 0.99
SHOWN = 3  # columns that only one of the sources has


class Commit:
    """The files of a repository's HEAD."""

    def __init__(self, repository: Path) -> None:
        self._git = ["git", "-C", str(repository)]
        listed = run([*self._git, "ls-tree", "-r", "-z", "HEAD"], stdout=PIPE, check=True).stdout
        entries = [entry.partition(b"\t") for entry in listed.split(b"\0") if entry]
        self._blobs = {
            path.decode("utf-8", "surrogateescape"): head.split()[2]
            for head, _, path in entries
            if head.startswith(b"100")
        }
        self._batch = Popen([*self._git, "cat-file", "--batch"], stdin=PIPE, stdout=PIPE)

    def paths(self) -> Sequence[str]:
        return sorted(self._blobs)

    def read(self, path: str) -> bytes | None:
        asked, answers = self._batch.stdin, self._batch.stdout
        if asked is None or answers is None:
            return None
        asked.write(self._blobs[path] + b"\n")
        asked.flush()
        head = answers.readline().split()
        if head[-1] == b"missing":
            return None
        content = answers.read(int(head[2]) + 1)[:-1]
        return None if b"\0" in content[:8_000] else content


def main() -> None:
    """Print what the sources of each repository agree in."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repositories", nargs="+", type=Path)
    parser.add_argument("--least", type=int, default=5, help="compare sources that share at least so many tables")
    arguments = parser.parse_args()
    for repository in arguments.repositories:
        commit = Commit(repository)
        started_at = time.perf_counter()
        schema = extract_schema(commit)
        seconds = time.perf_counter() - started_at
        columns = sum(len(table.columns) for table in schema.tables)
        print(
            f"{_name(repository)}: {len(schema.tables)} tables, {columns} columns, {len(schema.relations)} relations",
            end="",
        )
        print(f", {len(schema.disagreements)} disagreements, {len(schema.unread)} not read, {seconds:.1f} s")
        for group in groups(read_all(commit, confirming=True)):
            _print_pairs(group, arguments.least)


def _print_pairs(group: list[Reading], least: int) -> None:
    first = group[0]
    for other in group[1:]:
        shared = len(first.draft.tables.keys() & other.draft.tables.keys())
        if shared < least:
            print(f"  {first.kind} and {other.kind}: {shared} tables shared, not compared")
            continue
        _print(first, other, compare(first.draft, other.draft, BOOKKEEPING))


def _print(first: Reading, other: Reading, found: Agreement) -> None:
    verdict = "met" if found.f1 >= GOAL else "MISSED"
    print(f"  {first.kind} and {other.kind} ({other.path}): F1 {found.f1:.4f}, goal {GOAL}, {verdict};", end=" ")
    print(f"{found.first} and {found.second} columns, {found.both} in both,", end=" ")
    print(f"of these type {found.same_type}, nullability {found.same_nullable}")
    for name, only in ((first.kind, found.only_first), (other.kind, found.only_second)):
        if only:
            print(f"    only in {name}: {', '.join('.'.join(key) for key in only[:SHOWN])}{' …' * (len(only) > SHOWN)}")


def _name(repository: Path) -> str:
    resolved = repository.resolve()
    return resolved.parent.name if resolved.name in {"repo", ".git"} else resolved.name


if __name__ == "__main__":
    main()
