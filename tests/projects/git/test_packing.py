"""Snapshots' objects are packed now and then: nothing is lost by it, and little disk is used."""

from pathlib import Path

import pytest

from projects.git.commits import SNAPSHOT_REFS, save_snapshot
from projects.git.packing import LOOSE_OBJECTS, pack_snapshots
from projects.git.trees import write_review_tree
from projects.git.work_tree import WorkTree

pytestmark = pytest.mark.plumbing
TURNS = 6


def take(work_tree: WorkTree, number: int, parent: str | None) -> str:
    for name in range(25):
        (work_tree.path / f"file{name}").write_text(f"{number} {name}\n")
    return save_snapshot(work_tree, ref=f"{SNAPSHOT_REFS}{number}", message="m", parent=parent).commit


def loose(work_tree: WorkTree) -> list[Path]:
    return list(work_tree.repository.private_objects.glob("??/*"))


def test_many_snapshots_are_packed_and_all_are_there(work_tree: WorkTree) -> None:
    commits: list[str] = []
    for number in range(TURNS + 1):
        commits.append(take(work_tree, number, commits[-1] if commits else None))
    assert list(work_tree.repository.private_objects.glob("pack/*.pack"))
    assert len(loose(work_tree)) < 2 * LOOSE_OBJECTS
    for number, commit in enumerate(commits):
        assert work_tree.repository.run(["cat-file", "blob", f"{commit}:file7"]).decode() == f"{number} 7\n"
    assert work_tree.repository.run(["fsck", "--connectivity-only"]) == b""


def test_the_folders_of_packed_objects_stay(work_tree: WorkTree) -> None:
    """Another object is soon to lie in each, and making one takes longer than all else."""
    commit = take(work_tree, 1, None)
    folders = set(work_tree.repository.private_objects.glob("??"))
    assert pack_snapshots(work_tree.repository, commit, at_least=0)
    assert folders
    assert set(work_tree.repository.private_objects.glob("??")) == folders
    assert loose(work_tree) == []


def test_few_objects_stay_loose(work_tree: WorkTree) -> None:
    assert not pack_snapshots(work_tree.repository, take(work_tree, 1, None))


def test_what_no_snapshot_holds_stays(work_tree: WorkTree) -> None:
    (work_tree.path / "reviewed").write_text("x\r\n")
    (work_tree.path / ".gitattributes").write_text("reviewed text\n")
    reviewed = write_review_tree(work_tree)
    assert pack_snapshots(work_tree.repository, take(work_tree, 1, None), at_least=0)
    assert work_tree.repository.run(["cat-file", "blob", f"{reviewed}:reviewed"]) == b"x\n"
