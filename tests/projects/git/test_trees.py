import os
from pathlib import Path

import pytest

from projects.git.errors import WorkTreeRefused
from projects.git.trees import write_exact_tree, write_review_tree
from projects.git.work_tree import WorkTree
from tests.projects.git.conftest import MakeWorkTree
from tests.projects.git.sample import Origin, content_of, git, names_in

pytestmark = pytest.mark.plumbing
BASE_NAMES = [".gitignore", "README.md", "src/app.py"]


def review_names(work_tree: WorkTree) -> list[str]:
    return names_in(work_tree.repository.path, write_review_tree(work_tree))


def reviewed(work_tree: WorkTree, name: str) -> bytes:
    return content_of(work_tree.repository.path, write_review_tree(work_tree), name)


def exact(work_tree: WorkTree, name: str) -> bytes:
    tree = write_exact_tree(work_tree)
    return work_tree.repository.run(["cat-file", "blob", f"{tree}:{name}"])


def test_an_untouched_work_tree_is_the_base_tree(work_tree: WorkTree, origin: Origin) -> None:
    assert write_review_tree(work_tree) == write_exact_tree(work_tree) == origin.git("rev-parse", "HEAD^{tree}")


def test_new_changed_and_deleted_files_are_recorded(work_tree: WorkTree) -> None:
    (work_tree.path / "new").write_text("x")
    (work_tree.path / "README.md").unlink()
    (work_tree.path / "src/app.py").write_text("changed\n")
    assert review_names(work_tree) == [".gitignore", "new", "src/app.py"]
    assert reviewed(work_tree, "src/app.py") == b"changed\n"


def test_what_a_killed_git_has_left_of_an_index_is_removed(work_tree: WorkTree) -> None:
    leftovers = [work_tree.exact.git_dir / name for name in ("index.lock", "sharedindex_a1B2c3")]
    for leftover in leftovers:
        leftover.touch()
    write_exact_tree(work_tree)
    assert not any(leftover.exists() for leftover in leftovers)


def test_ignored_files_are_left_out_of_both(work_tree: WorkTree) -> None:
    (work_tree.path / "x.log").write_text("x")
    assert review_names(work_tree) == BASE_NAMES
    assert b"x.log" not in work_tree.repository.run(["ls-tree", "-r", write_exact_tree(work_tree)])


def test_a_file_ignored_later_is_left_out_as_if_never_seen(work_tree: WorkTree) -> None:
    (work_tree.path / "x.tmp").write_text("x")
    assert "x.tmp" in review_names(work_tree)
    (work_tree.path / ".gitignore").write_text("*.tmp\n")
    assert review_names(work_tree) == BASE_NAMES


def test_a_file_of_the_base_stays_when_it_is_ignored_later(work_tree: WorkTree) -> None:
    (work_tree.path / "new").touch()
    write_review_tree(work_tree)
    (work_tree.path / ".gitignore").write_text("README.md\n")
    assert "README.md" in review_names(work_tree)


def test_a_file_put_back_gives_the_base_tree_again(work_tree: WorkTree, origin: Origin) -> None:
    (work_tree.path / "README.md").write_text("other\n")
    write_review_tree(work_tree)
    (work_tree.path / "README.md").write_text("hello\n")
    assert write_review_tree(work_tree) == origin.git("rev-parse", "HEAD^{tree}")


def test_a_change_of_the_same_size_right_after_is_seen(work_tree: WorkTree) -> None:
    for word in (b"aaaaa", b"bbbbb", b"ccccc"):
        (work_tree.path / "f").write_bytes(word)
        assert reviewed(work_tree, "f") == word


def test_modes_and_links_are_recorded(work_tree: WorkTree) -> None:
    (work_tree.path / "README.md").chmod(0o755)
    (work_tree.path / "link").symlink_to("/etc/passwd")
    listed = git(work_tree.repository.path, "ls-tree", write_review_tree(work_tree))
    assert "100755 blob" in next(line for line in listed.splitlines() if line.endswith("README.md"))
    assert "120000 blob" in next(line for line in listed.splitlines() if line.endswith("link"))
    assert reviewed(work_tree, "link") == b"/etc/passwd"


def test_the_work_trees_own_git_file_is_left_out(work_tree: WorkTree) -> None:
    (work_tree.path / ".git").write_text("gitdir: /somewhere\n")
    assert review_names(work_tree) == BASE_NAMES


def test_text_attributes_count_for_review_and_not_for_snapshots(work_tree: WorkTree) -> None:
    (work_tree.path / ".gitattributes").write_text("* text=auto\n")
    (work_tree.path / "x.txt").write_bytes(b"a\r\nb\r\n")
    assert reviewed(work_tree, "x.txt") == b"a\nb\n"
    assert exact(work_tree, "x.txt") == b"a\r\nb\r\n"


def test_attributes_that_come_later_count_as_if_there_from_the_start(work_tree: WorkTree) -> None:
    (work_tree.path / "x.txt").write_bytes(b"a\r\nb\r\n")
    assert reviewed(work_tree, "x.txt") == b"a\r\nb\r\n"
    (work_tree.path / ".gitattributes").write_text("*.txt text\n")
    assert reviewed(work_tree, "x.txt") == b"a\nb\n"
    (work_tree.path / ".gitattributes").unlink()
    assert reviewed(work_tree, "x.txt") == b"a\r\nb\r\n"


@pytest.mark.parametrize("attribute", ["ident", "working-tree-encoding=UTF-16", "filter=lfs"])
def test_other_conversions_never_apply(work_tree: WorkTree, attribute: str) -> None:
    (work_tree.path / ".gitattributes").write_text(f"*.x {attribute}\n")
    (work_tree.path / "f.x").write_bytes(b"$Id: 1234 $\n")
    assert reviewed(work_tree, "f.x") == exact(work_tree, "f.x") == b"$Id: 1234 $\n"


@pytest.mark.parametrize(
    "name",
    [
        b"with\nnewline",
        b"-rf",
        b"--stdin",
        b"\xff\xfe",
        b"a\tb",
        b'"quoted"',
        b" ",
        b"*",
        b":(top)x",
        b"n" * 255,
        b"a\\b",
    ],
)
def test_any_name_is_recorded(work_tree: WorkTree, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(work_tree.path) + b"/" + name)).write_bytes(b"content")
    tree = write_review_tree(work_tree)
    assert name in work_tree.repository.run(["ls-tree", "-z", "--name-only", tree]).split(b"\0")


@pytest.mark.parametrize("name", [".GIT", "git~1", ".git ", "sub/.Git"])
def test_names_that_git_refuses_are_refused_with_the_reason(work_tree: WorkTree, name: str) -> None:
    (work_tree.path / name).mkdir(parents=True)
    (work_tree.path / name / "config").write_text("x")
    with pytest.raises(WorkTreeRefused, match="config") as caught:
        write_review_tree(work_tree)
    assert caught.value.code == "unrecordable-path"


def test_fifos_and_sockets_are_no_files(work_tree: WorkTree) -> None:
    os.mkfifo(work_tree.path / "pipe")
    (work_tree.path / "README.md").unlink()
    os.mkfifo(work_tree.path / "README.md")
    assert review_names(work_tree) == [".gitignore", "src/app.py"]


def test_a_file_that_became_a_folder(work_tree: WorkTree) -> None:
    (work_tree.path / "README.md").unlink()
    (work_tree.path / "README.md").mkdir()
    (work_tree.path / "README.md" / "x").touch()
    assert "README.md/x" in review_names(work_tree)


def test_a_folder_that_became_a_file(work_tree: WorkTree) -> None:
    (work_tree.path / "src/app.py").unlink()
    (work_tree.path / "src").rmdir()
    (work_tree.path / "src").write_text("x")
    assert review_names(work_tree) == [".gitignore", "README.md", "src"]


def test_a_folder_that_became_a_link_is_not_followed(work_tree: WorkTree, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "app.py").write_text("secret")
    (work_tree.path / "src/app.py").unlink()
    (work_tree.path / "src").rmdir()
    (work_tree.path / "src").symlink_to(outside)
    assert review_names(work_tree) == [".gitignore", "README.md", "src"]
    assert reviewed(work_tree, "src") == os.fsencode(outside)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("is_folder", [True, False])
def test_what_cannot_be_read_is_refused_with_the_reason(work_tree: WorkTree, is_folder: bool) -> None:
    target = work_tree.path / "closed"
    target.mkdir() if is_folder else target.touch()
    target.chmod(0)
    with pytest.raises(WorkTreeRefused, match="closed") as caught:
        write_review_tree(work_tree)
    assert caught.value.code == "unreadable"


def test_a_folder_too_deep_to_read_is_refused_not_left_out(work_tree: WorkTree) -> None:
    there = os.open(work_tree.path, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=there)
        deeper = os.open("d" * 200, os.O_RDONLY, dir_fd=there)
        os.close(there)
        there = deeper
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=there))
    os.close(there)
    with pytest.raises(WorkTreeRefused) as caught:
        write_review_tree(work_tree)
    assert caught.value.code in ("unreadable", "unrecordable-path")


def test_a_link_to_what_no_file_can_be_called_is_recorded(work_tree: WorkTree) -> None:
    (work_tree.path / "long").symlink_to("x" * 3000)
    first = write_review_tree(work_tree)
    (work_tree.path / "README.md").unlink()
    assert write_review_tree(work_tree) != first


def nested(folder: Path, with_commit: bool = True) -> None:
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / "inside").write_text("inside")
    if with_commit:
        git(folder, "add", "inside")
        git(folder, "commit", "-qm", "nested")


@pytest.mark.parametrize("with_commit", [True, False])
def test_a_repository_inside_is_recorded_as_ordinary_files(work_tree: WorkTree, with_commit: bool) -> None:
    nested(work_tree.path / "tools/one", with_commit)
    (work_tree.path / "tools/one/x.log").touch()
    assert review_names(work_tree) == [*BASE_NAMES, "tools/one/inside"]


def test_a_repository_inside_a_repository_inside(work_tree: WorkTree) -> None:
    nested(work_tree.path / "one")
    nested(work_tree.path / "one/two")
    assert {"one/inside", "one/two/inside"} <= set(review_names(work_tree))
    assert {"one/inside", "one/two/inside"} <= set(review_names(work_tree))


def test_an_ignored_repository_inside_is_left_out(work_tree: WorkTree) -> None:
    nested(work_tree.path / "x.log")
    assert review_names(work_tree) == BASE_NAMES


def test_a_tracked_folder_that_became_a_repository_stays_ordinary(work_tree: WorkTree, origin: Origin) -> None:
    git(work_tree.path / "src", "init", "-q")
    git(work_tree.path / "src", "add", "app.py")
    git(work_tree.path / "src", "commit", "-qm", "nested")
    assert write_review_tree(work_tree) == origin.git("rev-parse", "HEAD^{tree}")


def test_a_tracked_file_that_became_a_repository(work_tree: WorkTree) -> None:
    (work_tree.path / "README.md").unlink()
    nested(work_tree.path / "README.md")
    assert review_names(work_tree) == [".gitignore", "README.md/inside", "src/app.py"]


def test_a_git_link_file_inside_is_not_followed(work_tree: WorkTree, origin: Origin) -> None:
    (work_tree.path / "one").mkdir()
    (work_tree.path / "one/.git").write_text(f"gitdir: {origin.path}/.git\n")
    (work_tree.path / "one/x").touch()
    assert review_names(work_tree) == [".gitignore", "README.md", "one/x", "src/app.py"]


def test_a_submodule_of_the_base_stays_whatever_is_in_its_folder(origin: Origin, make_work_tree: MakeWorkTree) -> None:
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},libs/sub")
    origin.git("commit", "-q", "-m", "submodule")
    base = origin.git("rev-parse", "HEAD^{tree}")
    made = make_work_tree()
    (made.path / "libs/sub").rmdir()
    assert (write_review_tree(made), write_exact_tree(made)) == (base, base)
    nested(made.path / "libs/sub")
    assert (write_review_tree(made), write_exact_tree(made)) == (base, base)


def test_recording_goes_on_after_a_kill_left_a_lock(work_tree: WorkTree) -> None:
    (work_tree.path / "new").touch()
    (work_tree.review.git_dir / "index.lock").touch()
    assert "new" in review_names(work_tree)


def test_a_lost_index_gives_the_same_tree(work_tree: WorkTree) -> None:
    (work_tree.path / "new").write_text("x")
    nested(work_tree.path / "one")
    before = write_review_tree(work_tree)
    work_tree.review.index.unlink()
    assert write_review_tree(work_tree) == before
