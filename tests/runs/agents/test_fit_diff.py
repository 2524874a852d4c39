"""Unified diffs, read and fitted."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.execution.agents.script.diffs import DiffRefused, FileDiff, Hunk, fit, read_diff

pytestmark = pytest.mark.plumbing

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "-\n", "--- x\n", "@@\n"]), max_size=30)


@given(LINES, LINES)
def test_a_diff_of_two_texts_turns_one_into_the_other(old: list[str], new: list[str]) -> None:
    diff = "".join(difflib.unified_diff(old, new, "a/f", "b/f"))
    if diff:
        assert fit("".join(old), read_diff(diff)[0].hunks) == "".join(new)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        files = read_diff("--- a/x\n+++ b/x\n@@ -1 +1 @@\n" + text)
    except DiffRefused:
        return
    assert files


def test_a_new_file_has_no_source() -> None:
    diff = "diff --git a/n b/n\nnew file mode 100755\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n"
    assert read_diff(diff) == (FileDiff(None, "n", (Hunk(5, 0, (), ("x\n",)),), 0o755),)


def test_a_removed_file_has_no_target() -> None:
    assert read_diff("--- a/n\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n")[0].target is None


def test_two_files_without_git_headers_are_two() -> None:
    diff = "--- n\n+++ n\n@@ -1 +1 @@\n-x\n+y\n--- m\n+++ m\n@@ -1 +1 @@\n-x\n+y\n"
    assert [file.target for file in read_diff(diff)] == ["n", "m"]


def test_a_rename_has_both_names() -> None:
    diff = "diff --git a/n b/m\nsimilarity index 100%\nrename from n\nrename to m\n"
    assert read_diff(diff) == (FileDiff("n", "m", (), None),)


def test_a_missing_newline_at_the_end_is_kept() -> None:
    diff = "--- a/n\n+++ b/n\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+y\n\\ No newline at end of file\n"
    assert fit("x", read_diff(diff)[0].hunks) == "y"


def test_a_newline_can_be_added_at_the_end() -> None:
    diff = "--- a/n\n+++ b/n\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n"
    assert fit("x", read_diff(diff)[0].hunks) == "x\n"


def test_a_hunk_finds_lines_that_moved() -> None:
    assert fit("0\n0\n0\nx\n", (Hunk(1, 1, ("x\n",), ("y\n",)),)) == "0\n0\n0\ny\n"


def test_a_hunk_that_does_not_fit_is_refused_with_its_line() -> None:
    with pytest.raises(DiffRefused, match="line 3 of the patch"):
        fit("z\n", read_diff("--- a/n\n+++ b/n\n@@ -1 +1 @@\n-x\n+y\n")[0].hunks)


@pytest.mark.parametrize(
    "diff",
    [
        "",
        "hello\n",
        "--- a/n\n",
        "--- a/n\n+++ b/n\n@@ nonsense @@\n",
        "--- a/n\n+++ b/n\n@@ -1,3 +1 @@\n-x\n",
        '--- "a/n"\n+++ "b/n"\n@@ -1 +1 @@\n-x\n+y\n',
        "diff --git a/n b/n\nGIT binary patch\n",
        "--- /dev/null\n+++ /dev/null\n",
    ],
)
def test_what_is_no_diff_is_refused(diff: str) -> None:
    with pytest.raises(DiffRefused):
        read_diff(diff)
