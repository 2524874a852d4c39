"""What differs between a snapshot and another one, or the work tree that it was taken from as it is now."""

from dataclasses import dataclass

from projects.git.changes import FileChange, changed_files, diff, large_among
from projects.git.trees import record_exactly
from projects.workspaces import open_repository
from runs.diffs import ENOUGH_BYTES, cut, sums_of
from snapshots.models import Snapshot
from snapshots.resting import project_tree, recorded_part, require_still_now, run_tree


@dataclass(frozen=True)
class Comparison:
    """The changed files, and their diff from the older to the newer side: `diff` is for display.

    It is cut past a size, and without large files: git would take each into memory, to show what nobody can read.
    """

    files: tuple[FileChange, ...]
    diff: bytes
    is_cut: bool

    @property
    def stats(self) -> dict[str, int]:
        """How many files differ, by how many lines."""
        return sums_of(self.files)


def compare(snapshot: Snapshot, against: Snapshot | None) -> Comparison:
    """From the snapshot to the other one, or to the present tree: 409 where something is at work in it."""
    other = present_tree(snapshot) if against is None else against.tree
    repository = open_repository(snapshot.project)
    files = changed_files(repository, snapshot.tree, other)
    large = large_among(repository, files)
    found = diff(repository, snapshot.tree, other, enough_bytes=ENOUGH_BYTES, without=large)
    shown = cut(found)
    return Comparison(files, shown, bool(large) or len(shown) < len(found))


def present_tree(snapshot: Snapshot) -> str:
    """The exact tree of the snapshot's work tree as it is now."""
    if snapshot.run is None or snapshot.attempt is None:
        resting = project_tree(snapshot.project)
    else:
        resting = run_tree(snapshot.run, snapshot.attempt)
    with resting.recording() as work_tree:
        tree = record_exactly(work_tree, recorded_part()).tree
    require_still_now(resting)
    return tree
