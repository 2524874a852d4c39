"""projects.git.rescue: what keeps the work of a tree that is about to be removed."""

import pytest

from projects.git.rescue import RESCUE_REFS, rescue
from projects.git.work_tree import WorkTree

pytestmark = pytest.mark.plumbing


def test_done_again_a_second_later_it_finds_its_own_ref(work_tree: WorkTree) -> None:
    (work_tree.path / "note.txt").write_text("hello\n")
    # The message makes the second commit another one, as a later second does.
    made = [rescue(work_tree, name="run-1-1", branch="b", pushed=None, message=message) for message in ("1", "2")]
    assert made[0] is not None
    assert made == [made[0]] * 2
    assert list(work_tree.repository.refs(RESCUE_REFS)) == [made[0]]


def test_another_attempt_has_its_own(work_tree: WorkTree) -> None:
    (work_tree.path / "note.txt").write_text("hello\n")
    names = ("run-1-1", "run-1-11")
    refs = {rescue(work_tree, name=name, branch="b", pushed=None, message="m") for name in names}
    assert len(refs) == len(work_tree.repository.refs(RESCUE_REFS)) == 2
