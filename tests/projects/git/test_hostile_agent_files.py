"""What an agent can leave in its tree to mislead or hold up whoever reads it: links, pipes, names, ignore files."""

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from projects.git.agent_dir import create_agent_git_dir
from projects.git.changes import changed_files, diff
from projects.git.errors import WorkTreeRefused
from projects.git.trees import write_exact_tree, write_review_tree
from projects.git.work_tree import WorkTree, is_untouched, remove_work_tree
from tests.projects.git.sample import content_of, git, names_in

pytestmark = pytest.mark.plumbing


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that is none of the agent's."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("*.txt\nhunter2\n")
    return folder


@pytest.mark.parametrize("name", [".gitignore", ".gitattributes", ".git/HEAD", "inside/.git/HEAD"])
def test_a_pipe_that_git_would_wait_for_is_told(
    work_tree: WorkTree, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projects.git.process.SLOW_SECONDS", 0.3)
    pipe = work_tree.path / name
    pipe.parent.mkdir(parents=True, exist_ok=True)
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    (work_tree.path / "new.txt").write_text("x")
    (pipe.parent.parent / "new.txt").write_text("x")
    if name == ".git/HEAD":  # nobody looks into the work tree's own `.git`
        assert "new.txt" in names_in(work_tree.repository.path, write_review_tree(work_tree))
        return
    with pytest.raises(WorkTreeRefused, match=r"HEAD|gitignore|gitattributes") as caught:
        write_review_tree(work_tree)
    assert caught.value.code == "special-file"


def git_file(inside: Path, elsewhere: Path) -> None:
    (inside / ".git").write_text(f"gitdir: {elsewhere}\n")


def git_link(inside: Path, elsewhere: Path) -> None:
    (inside / ".git").symlink_to(elsewhere)


def linked_pipe(inside: Path, elsewhere: Path) -> None:
    (elsewhere / "HEAD").rename(elsewhere / "pipe")
    git(inside, "init", "-q")
    (inside / ".git" / "commondir").symlink_to(elsewhere / "pipe")


@pytest.mark.parametrize("lead", [git_file, git_link, linked_pipe])
def test_a_pipe_outside_of_the_tree_is_told_by_what_leads_there(
    work_tree: WorkTree, outside: Path, lead: Callable[[Path, Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projects.git.process.SLOW_SECONDS", 0.3)
    os.mkfifo(outside / "HEAD")
    inside = work_tree.path / "inside"
    inside.mkdir()
    (inside / "new").touch()
    lead(inside, outside)
    with pytest.raises(WorkTreeRefused, match=r"inside/\.git") as caught:
        write_review_tree(work_tree)
    assert caught.value.code == "special-file"


def test_reading_goes_on_once_the_pipe_is_gone(work_tree: WorkTree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projects.git.process.SLOW_SECONDS", 0.3)
    os.mkfifo(work_tree.path / ".gitattributes")
    (work_tree.path / "new").touch()
    with pytest.raises(WorkTreeRefused):
        write_review_tree(work_tree)
    (work_tree.path / ".gitattributes").unlink()
    assert "new" in names_in(work_tree.repository.path, write_review_tree(work_tree))


def test_another_pipe_does_not_matter(work_tree: WorkTree) -> None:
    os.mkfifo(work_tree.path / "pipe")
    assert "pipe" not in names_in(work_tree.repository.path, write_review_tree(work_tree))


@pytest.mark.parametrize("name", [".gitignore", ".gitattributes"])
def test_rules_are_not_read_through_a_link(work_tree: WorkTree, outside: Path, name: str) -> None:
    """Else the tree would tell which lines a file of the server has."""
    (work_tree.path / name).unlink(missing_ok=True)
    (work_tree.path / name).symlink_to(outside / "secret")
    (work_tree.path / "x.txt").write_text("x")
    tree = write_review_tree(work_tree)
    assert "x.txt" in names_in(work_tree.repository.path, tree)
    assert content_of(work_tree.repository.path, tree, name) == os.fsencode(outside / "secret")


def test_a_link_out_of_the_tree_is_a_link_in_both_trees(work_tree: WorkTree, outside: Path) -> None:
    (work_tree.path / "file").symlink_to(outside / "secret")
    (work_tree.path / "folder").symlink_to(outside)
    for tree in (write_review_tree(work_tree), write_exact_tree(work_tree)):
        listed = git(work_tree.repository.path, "ls-tree", "-r", tree)
        assert [line.split()[0] for line in listed.splitlines() if line.endswith(("file", "folder"))] == ["120000"] * 2
        assert b"hunter2" not in diff(work_tree.repository, work_tree.base_commit, tree)


def test_a_folder_swapped_for_a_link_between_two_looks_is_not_entered(work_tree: WorkTree, outside: Path) -> None:
    (work_tree.path / "src" / "secret").write_text("mine")
    write_review_tree(work_tree)
    (work_tree.path / "src").rename(work_tree.path / "elsewhere")
    (work_tree.path / "src").symlink_to(outside)
    tree = write_review_tree(work_tree)
    assert {"src", "elsewhere/secret"} <= set(names_in(work_tree.repository.path, tree))
    assert b"hunter2" not in diff(work_tree.repository, work_tree.base_commit, tree)


def test_what_is_written_for_the_next_agent_goes_through_no_link(work_tree: WorkTree, outside: Path) -> None:
    """`.git`, the home's git dir and its files, each a link that an agent left."""
    home = outside.with_name("home")
    home.mkdir()
    before = sorted((path, path.read_text()) for path in outside.iterdir())
    (home / "git").symlink_to(outside)
    (work_tree.path / ".git").symlink_to(outside / "secret")
    create_agent_git_dir(home / "git", work_tree=work_tree, branch="b")
    assert sorted((path, path.read_text()) for path in outside.iterdir()) == before
    assert not (home / "git").is_symlink()
    assert stat.S_ISREG((work_tree.path / ".git").lstat().st_mode)


def test_looking_and_removing_follow_no_link(work_tree: WorkTree, outside: Path) -> None:
    (work_tree.path / "src" / "app.py").unlink()
    (work_tree.path / "src").rmdir()
    (work_tree.path / "src").symlink_to(outside)
    assert not is_untouched(work_tree)
    remove_work_tree(work_tree)
    assert (outside / "secret").exists()


NAMES = [
    b"a\nb",
    b"-rf",
    b"--output=x",
    b"\xff\xfe\x80",
    b"\x1b[31mred",
    b"a\tb",
    b'"',
    b":(exclude)*",
    b"@{-1}",
    b"{a => b}",
]


def test_any_names_come_through_list_and_diff(work_tree: WorkTree, tmp_path: Path) -> None:
    for name in NAMES:
        Path(os.fsdecode(os.fsencode(work_tree.path) + b"/" + name)).write_bytes(b"content\n")
    repository, base, tree = work_tree.repository, work_tree.base_commit, write_review_tree(work_tree)
    found = {os.fsencode(change.path) for change in changed_files(repository, base, tree)}
    assert found == set(NAMES)
    git(tmp_path, "clone", "-q", str(repository.path), "applied")
    git(tmp_path / "applied", "checkout", "-q", base)
    git(tmp_path / "applied", "apply", "--binary", "--index", stdin=diff(repository, base, tree))
    assert git(tmp_path / "applied", "write-tree") == tree


@pytest.mark.parametrize("name", [".g\u200cit", ".GIT", ".git\u200d", "git~1"])
def test_a_twin_of_git_is_refused_by_name(work_tree: WorkTree, name: str) -> None:
    (work_tree.path / name).mkdir()
    (work_tree.path / name / "config").write_text("x")
    with pytest.raises(WorkTreeRefused, match="Rename or remove") as caught:
        write_review_tree(work_tree)
    assert caught.value.code == "unrecordable-path"


def test_attributes_hide_no_change_from_the_reviewer(work_tree: WorkTree) -> None:
    (work_tree.path / ".gitattributes").write_text("* -diff -text binary diff=evil\n[attr]evil -diff\n")
    (work_tree.path / "README.md").write_text("changed\n")
    tree = write_review_tree(work_tree)
    shown = diff(work_tree.repository, work_tree.base_commit, tree)
    assert b"-hello\n+changed\n" in shown


def test_a_file_of_attributes_without_end_holds_nobody_up(work_tree: WorkTree) -> None:
    (work_tree.path / ".gitattributes").write_bytes(b"x" * 5_000_000 + b"\n" + b"*.txt text\n" * 100_000)
    (work_tree.path / "x.txt").write_bytes(b"a\r\n")
    began = time.monotonic()
    assert "x.txt" in names_in(work_tree.repository.path, write_review_tree(work_tree))
    assert time.monotonic() - began < 20
