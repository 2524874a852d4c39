import os

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projects.git.changes import FileChange, changed_files, diff, diff_in_pieces, display_path
from projects.git.errors import GitFailed
from projects.git.file_diffs import diff_of_file, find_sides
from projects.git.trees import write_review_tree
from projects.git.work_tree import WorkTree
from tests.projects.git.conftest import MakeWorkTree
from tests.projects.git.edits import BASE, EDITS, applied, edit, fresh_work_tree
from tests.projects.git.sample import Origin, git

pytestmark = pytest.mark.plumbing


def changes(work_tree: WorkTree) -> dict[str, FileChange]:
    found = changed_files(work_tree.repository, work_tree.base_commit, write_review_tree(work_tree))
    return {change.path: change for change in found}


def test_an_untouched_work_tree_has_no_changes(work_tree: WorkTree) -> None:
    assert changes(work_tree) == {}


def test_a_created_file(work_tree: WorkTree) -> None:
    (work_tree.path / "new").write_text("a\nb\n")
    change = changes(work_tree)["new"]
    assert (change.change_type, change.additions, change.deletions, change.size_bytes) == ("created", 2, 0, 4)
    assert (change.old_blob, change.old_mode, change.new_mode) == (None, None, "100644")


def test_an_updated_file(work_tree: WorkTree) -> None:
    (work_tree.path / "README.md").write_text("hello\nworld\n")
    change = changes(work_tree)["README.md"]
    assert (change.change_type, change.additions, change.deletions) == ("updated", 1, 0)


def test_a_deleted_file(work_tree: WorkTree) -> None:
    (work_tree.path / "README.md").unlink()
    change = changes(work_tree)["README.md"]
    assert (change.change_type, change.deletions, change.size_bytes, change.new_blob) == ("deleted", 1, 0, None)


def test_a_renamed_file(work_tree: WorkTree) -> None:
    (work_tree.path / "src/app.py").rename(work_tree.path / "main.py")
    change = changes(work_tree)["main.py"]
    assert (change.change_type, change.old_path, change.additions) == ("renamed", "src/app.py", 0)


def test_a_binary_file(work_tree: WorkTree) -> None:
    (work_tree.path / "x").write_bytes(bytes(range(256)))
    change = changes(work_tree)["x"]
    assert (change.is_binary, change.additions, change.size_bytes) == (True, 0, 256)


def test_a_file_that_became_a_link(work_tree: WorkTree) -> None:
    (work_tree.path / "README.md").unlink()
    (work_tree.path / "README.md").symlink_to("src/app.py")
    change = changes(work_tree)["README.md"]
    assert (change.change_type, change.old_mode, change.new_mode) == ("updated", "100644", "120000")


def test_names_that_are_no_text_come_back_exactly(work_tree: WorkTree) -> None:
    name = os.fsdecode(b"caf\xe9\nx")
    (work_tree.path / name).touch()
    change = changes(work_tree)[b"caf\xe9\nx".decode("utf-8", "surrogateescape")]
    assert change.display_path == "caf\ufffd\nx"


def test_a_path_for_display_is_valid_text() -> None:
    assert display_path("a\udce9").encode() == b"a\xef\xbf\xbd"


def patches(work_tree: WorkTree) -> dict[str, bytes]:
    """Each changed file's own diff, by the name that is shown."""
    repository, base, tree = work_tree.repository, work_tree.base_commit, write_review_tree(work_tree)
    found = {}
    for change in changed_files(repository, base, tree):
        old_path = None if change.old_path is None else display_path(change.old_path)
        blobs = {"old_blob": change.old_blob, "new_blob": change.new_blob}
        sides = find_sides(repository, base, tree, path=change.display_path, old_path=old_path, **blobs)
        found[change.path] = b"".join(diff_of_file(repository, sides))
    return found


def test_a_files_diff_holds_no_other_file(work_tree: WorkTree) -> None:
    (work_tree.path / "*").write_text("star\n")
    (work_tree.path / "other").write_text("other\n")
    patch = patches(work_tree)["*"]
    assert b"star" in patch
    assert b"other" not in patch


def test_the_diff_of_a_file_that_was_a_folder_leaves_the_folder_out(work_tree: WorkTree) -> None:
    (work_tree.path / "src/app.py").unlink()
    (work_tree.path / "src").rmdir()
    (work_tree.path / "src").write_text("now a file\n")
    assert b"app.py" not in patches(work_tree)["src"]


def test_the_diff_of_a_file_whose_name_is_no_text(work_tree: WorkTree) -> None:
    (work_tree.path / os.fsdecode(b"\xff")).write_text("odd\n")
    assert b"+odd" in patches(work_tree)["\udcff"]


def test_the_diff_of_one_file_leaves_no_object_behind(work_tree: WorkTree) -> None:
    (work_tree.path / "new").touch()
    write_review_tree(work_tree)
    before = work_tree.repository.run(["count-objects", "-v"])
    patches(work_tree)
    assert work_tree.repository.run(["count-objects", "-v"]) == before


def test_the_diff_in_pieces_is_the_diff(work_tree: WorkTree) -> None:
    (work_tree.path / "x").write_bytes(os.urandom(300_000))
    repository, base, tree = work_tree.repository, work_tree.base_commit, write_review_tree(work_tree)
    pieces = list(diff_in_pieces(repository, base, tree))
    assert len(pieces) > 1
    assert b"".join(pieces) == diff(repository, base, tree)


def test_a_diff_that_is_not_wanted_any_more_ends_git(work_tree: WorkTree) -> None:
    (work_tree.path / "x").write_bytes(os.urandom(3_000_000))
    before = set(psutil.Process().children())
    pieces = diff_in_pieces(work_tree.repository, work_tree.base_commit, write_review_tree(work_tree))
    next(pieces)
    assert set(psutil.Process().children()) > before
    pieces.close()
    assert set(psutil.Process().children()) == before


def test_a_diff_of_objects_that_are_not_there_fails_with_gits_words(work_tree: WorkTree) -> None:
    with pytest.raises(GitFailed, match="bad object"):
        list(diff_in_pieces(work_tree.repository, work_tree.base_commit, "1" * 40))


def test_attributes_cannot_hide_a_change_from_the_diff(work_tree: WorkTree) -> None:
    (work_tree.path / ".gitattributes").write_text("README.md -diff linguist-generated\n")
    (work_tree.path / "README.md").write_text("malicious\n")
    tree = write_review_tree(work_tree)
    assert b"+malicious" in diff(work_tree.repository, work_tree.base_commit, tree)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EDITS, min_size=1, max_size=2))
def test_the_diff_applied_to_the_base_gives_the_tree_exactly(rounds: list[list[tuple[str, str, bytes | str]]]) -> None:
    with fresh_work_tree(BASE) as work_tree:
        for edits in rounds:
            for kind, name, value in edits:
                edit(work_tree.path, kind, name, value)
            tree = write_review_tree(work_tree)
            patch = diff(work_tree.repository, work_tree.base_commit, tree)
            assert applied(work_tree.repository, work_tree.base_commit, patch) == tree
        one_by_one = b"".join(patches(work_tree).values())
        assert applied(work_tree.repository, work_tree.base_commit, one_by_one) == tree
        work_tree.review.index.unlink()
        assert write_review_tree(work_tree) == tree


def test_the_diff_applies_over_files_with_text_attributes(origin: Origin, make_work_tree: MakeWorkTree) -> None:
    origin.commit({".gitattributes": b"*.bat text eol=crlf\n", "x.bat": b"a\nb\n"})
    made = make_work_tree()
    (made.path / "x.bat").write_bytes(b"a\r\nchanged\r\n")
    tree = write_review_tree(made)
    patch = diff(made.repository, made.base_commit, tree)
    assert b"+changed\n" in patch
    assert applied(made.repository, made.base_commit, patch) == tree


def test_a_person_can_apply_the_diff_in_a_clone(origin: Origin, work_tree: WorkTree) -> None:
    (work_tree.path / "x").write_bytes(bytes(range(256)))
    (work_tree.path / "src/app.py").rename(work_tree.path / "main.py")
    tree = write_review_tree(work_tree)
    patch = diff(work_tree.repository, work_tree.base_commit, tree)
    (origin.path.parent / "patch").write_bytes(patch)
    origin.git("apply", "--binary", "--index", str(origin.path.parent / "patch"))
    assert git(origin.path, "write-tree") == tree
