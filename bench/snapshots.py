"""Measures snapshots, restores and comparisons beside `git status` and others on one work tree; goals are printed.

`.venv/bin/python bench/snapshots.py [--files N …] [--turns N]`, from any folder. It works in a temporary folder and
touches nothing else.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
# ruff: noqa: E402 - the checkout is on the path from here on

from projects.git.changes import changed_files, diff
from projects.git.commits import SNAPSHOT_REFS, Snapshot, save_snapshot
from projects.git.packing import pack_snapshots
from projects.git.remote import fetch
from projects.git.repository import Repository, create_repository
from projects.git.restore import apply_plan, plan_restore, unrecorded_in_the_way
from projects.git.trees import Selection, write_exact_tree
from projects.git.urls import parse_remote_url
from projects.git.work_tree import WorkTree, create_work_tree

CHANGED, IN_A_FOLDER, KEPT = 10, 100, 60
LARGE = Selection(max_file_bytes=100 * 1024**2)
PERSON = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{what}": "bench@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


@dataclass
class Place:
    """One work tree: the server's view of it, and a person's ordinary `.git` in the same folder."""

    work_tree: WorkTree
    parent: str | None = None
    number: int = 0
    times: dict[str, list[float]] = field(default_factory=dict)
    used: dict[str, list[float]] = field(default_factory=dict)

    @property
    def repository(self) -> Repository:
        return self.work_tree.repository

    def git(self, *arguments: str) -> str:
        """What a person's own git says of the folder."""
        command, folder = ["git", *arguments], self.work_tree.path
        done = subprocess.run(command, cwd=folder, env=PERSON, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def change(self) -> None:
        """Other content for ten files, spread over the folders."""
        self.number += 1
        files = sorted(self.work_tree.path.glob("package*/*.py"))
        for file in files[self.number % IN_A_FOLDER :: len(files) // CHANGED][:CHANGED]:
            file.write_text(f"changed = {self.number}  # {file.name}\n")

    def snapshot(self) -> Snapshot:
        """As the server takes one."""
        ref = f"{SNAPSHOT_REFS}{time.monotonic_ns()}"
        saved = save_snapshot(self.work_tree, ref=ref, message="bench", parent=self.parent, selection=LARGE)
        self.parent = saved.commit
        return saved

    def restore(self, wanted: str) -> None:
        """As the server does it: the checkpoint, then the files."""
        present = self.snapshot().tree
        plan = plan_restore(self.repository, present, wanted)
        if unrecorded_in_the_way(self.work_tree, plan):
            raise SystemExit("bench: something is in the way")
        apply_plan(self.work_tree, plan)

    def compare(self, wanted: str) -> None:
        """With the work tree as it is."""
        present = write_exact_tree(self.work_tree)
        if len(changed_files(self.repository, wanted, present)) != CHANGED:
            raise SystemExit("bench: a comparison did not find what was changed")
        diff(self.repository, wanted, present)

    def timed(self, name: str, work: Callable[[], object]) -> None:
        begun_at, used = time.perf_counter(), processor_seconds()
        work()
        self.times.setdefault(name, []).append(time.perf_counter() - begun_at)
        self.used.setdefault(name, []).append(processor_seconds() - used)

    def ratio(self, name: str, other: str) -> float:
        """The median over the turns of how many times as long as the other one it took in the same turn."""
        return statistics.median(
            mine / theirs for mine, theirs in zip(self.times[name], self.times[other], strict=True)
        )

    def processor_ratio(self, name: str) -> float:
        """Of processor time, the least of all turns, to that of `git status`."""
        return min(self.used[name]) / min(self.used["status"])


def processor_seconds() -> float:
    """Of this process and of those it has waited for."""
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in found)


def make(folder: Path, files: int) -> Place:
    """A repository with so many files, cloned as the server does, and laid out."""
    origin = folder / "origin"
    for number in range(files):
        file = origin / f"package{number // IN_A_FOLDER:04d}" / f"module{number % IN_A_FOLDER:02d}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"number = {number}\n" * 12)
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-c", "gc.auto=0", *command], cwd=origin, env=PERSON, check=True)
    repository = create_repository(folder / "repository.git")
    head = fetch(repository, parse_remote_url(str(origin), allow_local=True), addresses=()).head_commit
    tree = create_work_tree(repository, folder / "tree", index_dir=folder / "index", base_commit=head)
    subprocess.run(["git", "clone", "-q", "--bare", origin, tree.path / ".git"], env=PERSON, check=True)
    place = Place(tree)
    place.git("config", "core.bare", "false")
    place.git("reset", "-q")
    return place


def by_gitpython(place: Place, target: str | None = None) -> None:
    """The same through GitPython's index API: all files added to an index, its tree written; or checked out again."""
    from git import GitDB, Repo

    folder = place.work_tree.path
    warnings.simplefilter("ignore", DeprecationWarning)  # of GitDB, which GitPython advises against but is faster with
    with Repo(folder, odbt=GitDB) as repo:  # the faster of its two databases: it starts no process for a file
        index = repo.index
        names = [str(path.relative_to(folder)) for path in folder.glob("package*/*")]
        index.add(names)
        index.write_tree()
        if target is not None:
            index.reset(target, working_tree=True)


def measure(place: Place, turns: int) -> None:
    """Everything in turns, so that what else the machine does meets all of it alike."""
    place.timed("first", place.snapshot)
    for _ in range(turns + 1):
        before = place.snapshot().tree
        place.change()
        place.timed("status", lambda: place.git("status", "--porcelain"))
        place.timed("stash", lambda: place.git("stash", "create"))
        place.timed("snapshot", place.snapshot)
        place.timed("compare", lambda: place.compare(before))  # noqa: B023 - called at once
        place.change()
        place.snapshot()
        place.change()
        place.timed("restore", lambda: place.restore(before))  # noqa: B023 - called at once
        if write_exact_tree(place.work_tree) != before:
            raise SystemExit("bench: a restore did not give the tree back")
    for name in ("status", "stash", "snapshot", "compare", "restore"):
        del place.times[name][0], place.used[name][0]  # the first of each warms up
    place.change()
    place.timed("gitpython snapshot", lambda: by_gitpython(place))
    place.timed("gitpython restore", lambda: by_gitpython(place, "HEAD"))


def bytes_a_snapshot(place: Place) -> float:
    """Blocks of the disk that a snapshot of ten small changes takes, over sixty; the server packs them now and then."""
    pack_snapshots(place.repository, place.snapshot().commit, at_least=0)
    before = disk_bytes(place.repository.path)
    for _ in range(KEPT):
        place.change()
        place.snapshot()
    return (disk_bytes(place.repository.path) - before) / KEPT


def disk_bytes(folder: Path) -> int:
    """What the files in a folder take of the disk."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


def verdict(value: float, goal: float, *, least: bool = False) -> str:
    """The goal and whether it is met."""
    is_met = value >= goal if least else value <= goal
    return f"{value:6.2f}  (goal {'≥' if least else '≤'} {goal:g}: {'met' if is_met else 'MISSED'})"


def report(place: Place, kept_bytes: float) -> None:
    """Milliseconds, and the goals beside."""
    for name, times in place.times.items():
        fastest, median = min(times), statistics.median(times)
        print(f"  {name:<20} median {median * 1000:9.1f} ms   fastest {fastest * 1000:9.1f} ms", end="")
        print(f"   of a processor {min(place.used[name]) * 1000:8.1f} ms, {place.processor_ratio(name):6.2f} times")
    for name, goal in (("snapshot", 1.5), ("restore", 2.5)):
        print(f"  {name} / git status".ljust(32), verdict(place.ratio(name, "status"), goal))
    print("  git stash create / git status".ljust(32), f"{place.ratio('stash', 'status'):6.2f}")
    for name in ("snapshot", "restore"):
        ratio = place.times[f"gitpython {name}"][0] / statistics.median(place.times[name])
        print(f"  GitPython / {name}".ljust(32), verdict(ratio, 20, least=True))
    print("  KB on disk a snapshot".ljust(32), verdict(kept_bytes / 1000, 20))


def main() -> int:
    """0 when everything could be measured, whatever the figures."""
    parser = argparse.ArgumentParser(description="Measures snapshots beside git status on the same work tree.")
    parser.add_argument("--files", type=int, nargs="+", default=[5_000, 50_000], help="sizes (default: 5000 50000)")
    parser.add_argument("--turns", type=int, default=7, help="measurements of each (default: %(default)s)")
    given = parser.parse_args()
    version = subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{version}, Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    for files in given.files:
        with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
            place = make(Path(folder), files)
            measure(place, given.turns)
            print(f"{files} files, {CHANGED} changed; {given.turns} turns, as times of git status", flush=True)
            report(place, bytes_a_snapshot(place))
    return 0


if __name__ == "__main__":
    sys.exit(main())
