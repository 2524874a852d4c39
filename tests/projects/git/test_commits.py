from datetime import UTC, datetime, timedelta, timezone

import pytest

from projects.git.commits import SNAPSHOT_REFS, commit_tree, save_snapshot
from projects.git.remote import fetch
from projects.git.trees import write_exact_tree, write_review_tree
from projects.git.work_tree import WorkTree
from tests.projects.git.sample import ADA, Origin, git

pytestmark = pytest.mark.plumbing
REF = SNAPSHOT_REFS + "7"


def test_a_commit_keeps_author_committer_time_and_message(work_tree: WorkTree) -> None:
    at = datetime(2026, 11, 24, 1, 2, 3, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
    (work_tree.path / "new").touch()
    tree = write_review_tree(work_tree)
    base = work_tree.base_commit
    commit = commit_tree(
        work_tree.repository, tree=tree, parents=[base], author=ADA, committer=ADA, message="-m\n\nx: y\n", at=at
    )
    raw = git(work_tree.repository.path, "cat-file", "-p", commit)
    assert raw.startswith(f"tree {tree}\nparent {base}\nauthor Ada <ada@example.org> {int(at.timestamp())} -0330\n")
    assert raw.endswith("\n\n-m\n\nx: y")


def test_a_time_without_zone_is_refused(work_tree: WorkTree) -> None:
    tree = write_review_tree(work_tree)
    with pytest.raises(ValueError, match="time zone"):
        commit_tree(
            work_tree.repository,
            tree=tree,
            parents=[],
            author=ADA,
            committer=ADA,
            message="m",
            at=datetime(2026, 1, 1),  # noqa: DTZ001
        )


def test_a_snapshot_is_the_exact_tree_under_its_ref(work_tree: WorkTree) -> None:
    (work_tree.path / ".gitattributes").write_text("* text=auto\n")
    (work_tree.path / "x").write_bytes(b"\r\n")
    saved = save_snapshot(work_tree, ref=REF, message="before", parent=None)
    assert work_tree.repository.resolve(REF) == saved.commit
    assert saved.tree == write_exact_tree(work_tree)
    assert work_tree.repository.run(["cat-file", "blob", f"{REF}:x"]) == b"\r\n"


def test_files_changed_count_against_the_base_without_a_parent(work_tree: WorkTree) -> None:
    (work_tree.path / "new").touch()
    (work_tree.path / "README.md").unlink()
    assert save_snapshot(work_tree, ref=REF, message="m", parent=None).files_changed == 2


def test_files_changed_count_against_the_parent(work_tree: WorkTree) -> None:
    (work_tree.path / "new").touch()
    first = save_snapshot(work_tree, ref=REF, message="m", parent=None)
    (work_tree.path / "newer").touch()
    second = save_snapshot(work_tree, ref=SNAPSHOT_REFS + "8", message="m", parent=first.commit)
    assert second.files_changed == 1
    assert work_tree.repository.read_commit(second.commit).parents == (first.commit,)


def test_a_snapshot_can_be_saved_again_under_the_same_ref(work_tree: WorkTree) -> None:
    save_snapshot(work_tree, ref=REF, message="m", parent=None)
    (work_tree.path / "new").touch()
    again = save_snapshot(work_tree, ref=REF, message="m", parent=None)
    assert work_tree.repository.resolve(REF) == again.commit


def test_a_snapshot_takes_no_other_ref(work_tree: WorkTree) -> None:
    with pytest.raises(ValueError, match="refs/quarterdeck/snapshots/"):
        save_snapshot(work_tree, ref="refs/heads/trunk", message="m", parent=None)


def test_fetching_goes_on_with_snapshots_there(work_tree: WorkTree, origin: Origin) -> None:
    (work_tree.path / "new").write_text("x")
    save_snapshot(work_tree, ref=REF, message="m", parent=None)
    wanted = origin.commit({"theirs": b"1"})
    assert fetch(work_tree.repository, origin.remote, addresses=()).head_commit == wanted


def test_a_snapshot_is_stamped_with_the_present(work_tree: WorkTree) -> None:
    saved = save_snapshot(work_tree, ref=REF, message="m", parent=None)
    age = datetime.now(UTC) - work_tree.repository.read_commit(saved.commit).committed_at
    assert timedelta(0) <= age < timedelta(minutes=5)
