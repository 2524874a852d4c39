"""The changed lines of two trees, as rules look at them."""

import os

import pytest

from projects.git import changed_lines as module
from projects.git.changed_lines import ChangedLines, changed_lines
from projects.git.errors import GitFailed
from projects.git.trees import write_review_tree
from projects.git.work_tree import WorkTree

pytestmark = pytest.mark.plumbing


def lines(work_tree: WorkTree, *without: str) -> dict[str, ChangedLines]:
    tree = write_review_tree(work_tree)
    return dict(changed_lines(work_tree.repository, work_tree.base_commit, tree, without=without))


def test_added_lines_have_their_numbers(work_tree: WorkTree) -> None:
    (work_tree.path / "README.md").write_text("first\nhello\n+++ b/x\nlast")
    found = lines(work_tree)
    assert set(found) == {"README.md"}
    assert found["README.md"].added == [(1, "first"), (3, "+++ b/x"), (4, "last")]


def test_removed_lines_have_none(work_tree: WorkTree) -> None:
    (work_tree.path / "README.md").write_text("-- a\n")
    found = lines(work_tree)["README.md"]
    assert (found.added, found.removed) == ([(1, "-- a")], ["hello"])


def test_a_deleted_file_has_its_old_path(work_tree: WorkTree) -> None:
    (work_tree.path / "src/app.py").unlink()
    assert lines(work_tree)["src/app.py"].removed == ["print('hi')"]


def test_unusual_names_are_as_they_are_shown(work_tree: WorkTree) -> None:
    names = ['a "b"\tc', "é ü", "x\ny"]
    for name in names:
        (work_tree.path / name).write_text("a\n")
    (work_tree.path / os.fsdecode(b"\xff")).write_text("a\n")
    assert set(lines(work_tree)) == {*names, "\ufffd"}


def test_a_link_tells_where_it_leads(work_tree: WorkTree) -> None:
    (work_tree.path / "link").symlink_to("../out")
    assert lines(work_tree)["link"].added == [(1, "../out")]


def test_a_binary_file_has_no_lines(work_tree: WorkTree) -> None:
    (work_tree.path / "b").write_bytes(b"a\0b\n")
    assert lines(work_tree) == {}


def test_of_a_large_file_the_first_lines_are_given_and_others_whole(work_tree: WorkTree) -> None:
    (work_tree.path / "a").write_text("x\n" * module.MAX_FILE_BYTES)
    (work_tree.path / "z").write_text("z\n")
    found = lines(work_tree)
    assert len(found["a"].added) == module.MAX_FILE_BYTES // 2 + 1
    assert found["z"].added == [(1, "z")]


def test_a_long_line_is_cut(work_tree: WorkTree) -> None:
    (work_tree.path / "a").write_text("x" * 100_000)
    assert lines(work_tree)["a"].added == [(1, "x" * module.MAX_LINE_BYTES)]


def test_of_very_many_files_the_first_are_given(work_tree: WorkTree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    for number in range(5):
        (work_tree.path / f"n{number}").write_text("x" * 60)
    assert set(lines(work_tree)) == {"n0", "n1"}


def test_files_are_left_out_by_their_very_names(work_tree: WorkTree) -> None:
    for name in ("*", "a", "b"):
        (work_tree.path / name).write_text("x\n")
    assert set(lines(work_tree, "*", "b")) == {"a"}


def test_too_many_files_to_be_left_out_are_told(work_tree: WorkTree) -> None:
    """No program takes arguments of such a size."""
    with pytest.raises(GitFailed, match="too large"):
        lines(work_tree, *(f"{'d/' * 2_000}{number}" for number in range(800)))
