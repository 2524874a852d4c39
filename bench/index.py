"""Measures the code index of repositories: made from nothing, made to follow commits, its size; goals are printed.

`.venv/bin/python bench/index.py REPOSITORY… [--commits N]`, from any folder: paths of repositories with history. The
index of the state before the newest N commits is made from nothing, then follows each of them, and is compared row for
row with one that is made from nothing at the end.
"""

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.repositories import FreshAnalyses, as_the_server_keeps_it, git
from projects.git.repository import Repository
from projects.indexing.building import build_index
from projects.indexing.parser_pool import Parsers
from projects.indexing.reading import IndexReader
from tests.projects.indexing.indexes import logical_rows

MEBIBYTE = 1 << 20
SPEED_GOAL, MEMORY_GOAL, SIZE_GOAL, FOLLOW_GOAL = 1.0, 400, 2.0, 50
PARSERS = 2
SAMPLED_EVERY_SECONDS = 0.05


def main() -> None:
    """Measures each repository."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("repositories", nargs="+", type=Path, help="paths of repositories with history")
    parser.add_argument("--commits", type=int, default=30, help="commits that are followed (default: %(default)s)")
    arguments = parser.parse_args()
    for path in arguments.repositories:
        with tempfile.TemporaryDirectory() as folder:
            measure(as_the_server_keeps_it(path, Path(folder)), Path(folder), arguments.commits)


def measure(repository: Repository, folder: Path, commits: int) -> None:
    """One repository."""
    *later, base = git("rev-list", "--first-parent", f"--max-count={commits + 1}", "HEAD", cwd=repository.path).split()
    full_seconds, memory_mb = _alone(repository, base, folder / "base.sqlite")
    source, files = _told(folder / "base.sqlite")
    size = (folder / "base.sqlite").stat().st_size
    print(f"{repository.path.stem}: {files} files, {source / MEBIBYTE:.1f} MiB of source")
    speed = source / MEBIBYTE / full_seconds
    _print("from nothing", f"{full_seconds:.2f} s, {speed:.2f} MiB/s", SPEED_GOAL, speed >= SPEED_GOAL)
    _print("peak memory", f"{memory_mb:.0f} MiB", MEMORY_GOAL, memory_mb <= MEMORY_GOAL)
    _print("size / source", f"{size / source:.2f}", SIZE_GOAL, size / source <= SIZE_GOAL)
    seconds, last = _follow(repository, folder, list(reversed(later)))
    if not seconds:
        return
    p50 = statistics.median(seconds)
    ratio = full_seconds / p50
    _print("following a commit", f"{1000 * p50:.0f} ms p50, 1/{ratio:.0f}", FOLLOW_GOAL, ratio >= FOLLOW_GOAL)
    _build(repository, later[0], folder / "fresh.sqlite", None)
    is_equal = logical_rows(last) == logical_rows(folder / "fresh.sqlite")
    print(f"  {'equal to a full rebuild':24} {'yes' if is_equal else 'NO'}")


def _follow(repository: Repository, folder: Path, commits: list[str]) -> tuple[list[float], Path]:
    """How long each of the commits took, and the last index."""
    seconds, old = [], folder / "base.sqlite"
    for number, commit in enumerate(commits):
        target = folder / f"{number}.sqlite"
        begin = time.perf_counter()
        _build(repository, commit, target, old)
        seconds.append(time.perf_counter() - begin)
        old = target
    return seconds, old


def _build(repository: Repository, commit: str, target: Path, old: Path | None) -> None:
    with Parsers(PARSERS) as parsers:
        build_index(repository, commit, target, analyses=FreshAnalyses(parsers), old=old)


def _alone(repository: Repository, commit: str, target: Path) -> tuple[float, float]:
    """Seconds and MiB of a build in a process of its own: the most that it, its parsers and git had at once.

    Counted is memory of their own; pages of the repository's packs, which are mapped in, the system takes back at will.
    """
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[float] = context.Queue()
    process = context.Process(target=_timed, args=(repository.path, commit, target, answers))
    process.start()
    highest = 0
    while process.is_alive():
        highest = max(highest, _own_bytes(process.pid or 0))
        process.join(SAMPLED_EVERY_SECONDS)
    return answers.get(), highest / MEBIBYTE


def _own_bytes(pid: int) -> int:
    total = 0
    with suppress(psutil.Error):
        top = psutil.Process(pid)
        for each in (top, *top.children(recursive=True)):
            with suppress(psutil.Error):
                memory = each.memory_info()
                total += memory.rss - memory.shared
    return total


def _timed(path: Path, commit: str, target: Path, answers: "multiprocessing.Queue[float]") -> None:
    begin = time.perf_counter()
    _build(Repository(path), commit, target, None)
    answers.put(time.perf_counter() - begin)


def _told(path: Path) -> tuple[int, int]:
    """Bytes of source and number of files."""
    with IndexReader(path) as index:
        sizes = [file.size_bytes for file in index.files()]
    return sum(sizes), len(sizes)


def _print(name: str, value: str, goal: float, is_met: bool) -> None:
    print(f"  {name:24} {value}  (goal {goal:g}{'' if is_met else ', MISSED'})")


if __name__ == "__main__":
    main()
