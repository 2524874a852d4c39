import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from projects.git.agent_dir import create_agent_git_dir
from projects.git.errors import GitFailed, WorkTreeRefused
from projects.git.private_dir import submodules
from projects.git.remote import fetch
from projects.git.repository import Repository
from projects.git.trees import write_review_tree
from projects.git.work_tree import Owner, WorkTree, create_work_tree, remove_work_tree
from tests.projects.git.conftest import MakeWorkTree
from tests.projects.git.sample import Origin, git

pytestmark = pytest.mark.plumbing
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs to give files away")


def test_it_holds_the_files_of_the_commit_and_no_git_dir(work_tree: WorkTree) -> None:
    found = sorted(str(path.relative_to(work_tree.path)) for path in work_tree.path.rglob("*"))
    assert found == [".gitignore", "README.md", "src", "src/app.py"]


def test_a_finished_one_is_taken_with_its_changes(work_tree: WorkTree) -> None:
    (work_tree.path / "new").write_text("x")
    again = create_work_tree(
        work_tree.repository, work_tree.path, index_dir=work_tree.index_dir, base_commit=work_tree.base_commit
    )
    assert (again, (work_tree.path / "new").exists()) == (work_tree, True)


def test_a_half_made_one_is_made_anew(work_tree: WorkTree) -> None:
    base = work_tree.base_commit
    (work_tree.index_dir / "base-commit").unlink()
    (work_tree.index_dir / "review" / "index.lock").touch()
    (work_tree.path / "half").write_text("x")
    create_work_tree(work_tree.repository, work_tree.path, index_dir=work_tree.index_dir, base_commit=base)
    assert not (work_tree.path / "half").exists()
    assert work_tree.is_ready


def test_one_of_another_commit_is_not_overwritten(work_tree: WorkTree, origin: Origin, repository: Repository) -> None:
    origin.commit({"a": b"1"})
    head = fetch(repository, origin.remote, addresses=()).head_commit
    with pytest.raises(GitFailed) as caught:
        create_work_tree(repository, work_tree.path, index_dir=work_tree.index_dir, base_commit=head)
    assert caught.value.code == "work-tree-exists"


def test_modes_and_links_are_kept(origin: Origin, make_work_tree: MakeWorkTree) -> None:
    (origin.path / "run.sh").write_text("#!/bin/sh\n")
    (origin.path / "run.sh").chmod(0o755)
    (origin.path / "link").symlink_to("/etc/passwd")
    origin.commit({})
    made = make_work_tree()
    assert (made.path / "run.sh").stat().st_mode & 0o111
    assert (made.path / "link").readlink() == Path("/etc/passwd")


def test_submodules_are_empty_folders(origin: Origin, make_work_tree: MakeWorkTree) -> None:
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},libs/sub")
    origin.git("commit", "-q", "-m", "submodule")
    made = make_work_tree()
    assert list((made.path / "libs/sub").iterdir()) == []
    assert submodules(made.review) == {b"libs/sub"}


def test_a_tree_with_a_hostile_name_is_refused(
    repository: Repository, origin: Origin, make_work_tree: MakeWorkTree
) -> None:
    blob = origin.git("rev-parse", "HEAD:README.md")
    inner = git(origin.path, "mktree", stdin=f"100644 blob {blob}\tconfig\n".encode())
    tree = git(origin.path, "mktree", stdin=f"040000 tree {inner}\t.git\n".encode())
    commit = origin.git("commit-tree", tree, "-m", "evil")
    origin.git("update-ref", "refs/heads/trunk", commit)
    with pytest.raises(WorkTreeRefused) as caught:
        make_work_tree()
    assert caught.value.code == "unsafe-path"


def test_a_link_in_the_commit_leads_no_write_outside(
    tmp_path: Path, repository: Repository, origin: Origin, make_work_tree: MakeWorkTree
) -> None:
    """The tree has `a` as a link and `a/b` as a file, as no honest git writes it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    link = git(origin.path, "hash-object", "-w", "--stdin", stdin=str(outside).encode())
    blob = origin.git("rev-parse", "HEAD:README.md")
    inner = git(origin.path, "mktree", stdin=f"100644 blob {blob}\tb\n".encode())
    raw = b"120000 a\0" + bytes.fromhex(link) + b"40000 a\0" + bytes.fromhex(inner)
    tree = git(origin.path, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=raw)
    origin.git("update-ref", "refs/heads/trunk", origin.git("commit-tree", tree, "-m", "evil"))
    with contextlib.suppress(GitFailed, WorkTreeRefused):
        make_work_tree()
    assert list(outside.iterdir()) == []


def test_no_filter_of_the_repository_runs(tmp_path: Path, origin: Origin, make_work_tree: MakeWorkTree) -> None:
    origin.commit({".gitattributes": b"*.bin filter=evil\n", "x.bin": b"stored"})
    origin.git("config", "filter.evil.smudge", f"touch {tmp_path}/canary")
    made = make_work_tree()
    assert ((made.path / "x.bin").read_bytes(), (tmp_path / "canary").exists()) == (b"stored", False)


def test_line_ends_follow_the_repositorys_attributes(origin: Origin, make_work_tree: MakeWorkTree) -> None:
    origin.commit({".gitattributes": b"*.bat text eol=crlf\n", "x.bat": b"a\nb\n"})
    assert (make_work_tree().path / "x.bat").read_bytes() == b"a\r\nb\r\n"


def test_files_whose_line_ends_contradict_their_attributes_are_not_shown_as_changed(
    origin: Origin, make_work_tree: MakeWorkTree
) -> None:
    origin.commit({"odd [name]*.txt": b"a\r\nb\r\n", "both.bat": b"a\r\nb\n"})
    origin.path.joinpath(".gitattributes").write_text("*.txt text\n*.bat text eol=crlf\n")
    origin.git("add", ".gitattributes")
    origin.git("commit", "-q", "-m", "attributes")
    made = make_work_tree()
    for file in made.path.iterdir():
        os.utime(file) if file.is_file() else None
    assert write_review_tree(made) == origin.git("rev-parse", "HEAD^{tree}")


def test_removing_it_leaves_nothing(work_tree: WorkTree) -> None:
    remove_work_tree(work_tree)
    assert not work_tree.path.exists()
    assert not work_tree.index_dir.exists()


def test_removing_it_twice_is_fine(work_tree: WorkTree) -> None:
    remove_work_tree(work_tree)
    remove_work_tree(work_tree)


def test_removing_it_follows_no_link(tmp_path: Path, work_tree: WorkTree) -> None:
    (tmp_path / "kept").write_text("x")
    (work_tree.path / "link").symlink_to(tmp_path)
    remove_work_tree(work_tree)
    assert (tmp_path / "kept").read_text() == "x"


def test_a_work_tree_replaced_by_a_link_is_removed_alone(tmp_path: Path, work_tree: WorkTree) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "kept").write_text("x")
    shutil.rmtree(work_tree.path)
    work_tree.path.symlink_to(tmp_path / "target")
    remove_work_tree(work_tree)
    assert (tmp_path / "target" / "kept").exists()


def test_removing_copes_with_closed_and_very_deep_folders(work_tree: WorkTree) -> None:
    closed = work_tree.path / "closed"
    closed.mkdir()
    (closed / "file").touch()
    closed.chmod(0o000)
    deep = "cd \"$1\"; i=0; while [ $i -lt 40 ]; do d=$(printf '%0200d' 0); mkdir $d; cd -P ./$d; i=$((i+1)); done"
    subprocess.run(["bash", "-c", deep, "-", str(work_tree.path)], check=False, capture_output=True)
    remove_work_tree(work_tree)
    assert not work_tree.path.exists()


@as_root
def test_files_belong_to_the_agents_user(repository: Repository, origin: Origin, tmp_path: Path) -> None:
    head = fetch(repository, origin.remote, addresses=()).head_commit
    made = create_work_tree(
        repository, tmp_path / "w", index_dir=tmp_path / "i", base_commit=head, owner=Owner(65534, 65533)
    )
    owners = {(file.lstat().st_uid, file.lstat().st_gid) for file in (made.path, *made.path.rglob("*"))}
    assert owners == {(65534, 65533)}
    assert (tmp_path / "i").stat().st_uid == 0


@as_root
def test_the_agents_user_finds_a_working_git(repository: Repository, origin: Origin, tmp_path: Path) -> None:
    head = fetch(repository, origin.remote, addresses=()).head_commit
    owner = Owner(65534, 65534)
    made = create_work_tree(repository, tmp_path / "w", index_dir=tmp_path / "i", base_commit=head, owner=owner)
    create_agent_git_dir(tmp_path / "home.git", work_tree=made, branch="quarterdeck/run-1-1-x")
    assert {file.lstat().st_uid for file in (tmp_path / "home.git").rglob("*")} == {65534}
    assert (made.path / ".git").lstat().st_uid == 65534


@pytest.fixture
def with_git(work_tree: WorkTree, tmp_path: Path) -> WorkTree:
    create_agent_git_dir(tmp_path / "home.git", work_tree=work_tree, branch="quarterdeck/run-1-1-x")
    return work_tree


def test_the_agents_git_starts_clean_on_the_run_branch(with_git: WorkTree) -> None:
    assert git(with_git.path, "status", "--short", "--branch") == "## quarterdeck/run-1-1-x"


def test_the_agents_git_has_the_history(with_git: WorkTree) -> None:
    assert git(with_git.path, "log", "--format=%H %s") == f"{with_git.base_commit} first"


def test_the_agents_git_shows_differences(with_git: WorkTree) -> None:
    (with_git.path / "README.md").write_text("changed\n")
    assert "+changed" in git(with_git.path, "diff")


def test_what_the_agent_commits_stays_in_its_own_git_dir(with_git: WorkTree, tmp_path: Path) -> None:
    before = sorted(with_git.repository.path.rglob("*"))
    (with_git.path / "new").write_text("x")
    git(with_git.path, "add", "new")
    git(with_git.path, "commit", "-qm", "mine")
    assert git(with_git.path, "rev-list", "--count", "HEAD") == "2"
    assert sorted(with_git.repository.path.rglob("*")) == before


def test_the_agents_git_dir_is_made_anew_over_what_an_agent_left(with_git: WorkTree, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("kept")
    (with_git.path / ".git").unlink()
    (with_git.path / ".git").symlink_to(tmp_path / "target")
    (tmp_path / "home.git" / "config").write_text("[core]\n\tfsmonitor = evil\n")
    create_agent_git_dir(tmp_path / "home.git", work_tree=with_git, branch="b")
    assert (tmp_path / "target").read_text() == "kept"
    assert "evil" not in (tmp_path / "home.git" / "config").read_text()


def test_a_shallow_history_works_for_the_agent(repository: Repository, origin: Origin, tmp_path: Path) -> None:
    origin.commit({"a": b"1"})
    deep = origin.remote
    head = fetch(repository, deep, addresses=(), depth=1).head_commit
    made = create_work_tree(repository, tmp_path / "w", index_dir=tmp_path / "i", base_commit=head)
    create_agent_git_dir(tmp_path / "home.git", work_tree=made, branch="b")
    assert git(made.path, "rev-list", "--count", "HEAD") == "1"
