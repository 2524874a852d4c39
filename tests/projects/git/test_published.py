"""An agent reads the project's published history, and nothing that another run has made."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from projects.git.agent_dir import create_agent_git_dir
from projects.git.commits import SNAPSHOT_REFS, commit_tree, save_snapshot
from projects.git.process import run_git
from projects.git.push import push_branch
from projects.git.remote import fetch
from projects.git.repository import Repository
from projects.git.trees import write_review_tree
from projects.git.work_tree import WorkTree, create_work_tree
from tests.projects.git.sample import ADA, Origin, git

pytestmark = pytest.mark.plumbing
BRANCH = "quarterdeck/run-1-1-x"


def published(repository: Repository) -> set[bytes]:
    """The ids of all objects in the folder that is lent to agents."""
    told = run_git(["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"], git_dir=repository.path)
    return set(told.split())


def commit_of(work_tree: WorkTree) -> str:
    """A run's commit of a new file and a changed one, as an approval makes it."""
    (work_tree.path / "secret").write_bytes(b"made by another run\n")
    (work_tree.path / "README.md").write_bytes(b"hello again\n")
    repository, base = work_tree.repository, work_tree.base_commit
    tree = write_review_tree(work_tree)
    return commit_tree(
        repository, tree=tree, parents=[base], author=ADA, committer=ADA, message="m", at=datetime.now(UTC)
    )


def test_snapshot_review_and_commit_lend_agents_nothing(work_tree: WorkTree) -> None:
    before = published(work_tree.repository)
    commit = commit_of(work_tree)
    save_snapshot(work_tree, ref=SNAPSHOT_REFS + "1", message="m", parent=None)
    work_tree.repository.update_ref(f"refs/heads/{BRANCH}", commit, None)
    (work_tree.path / "large").write_bytes(b"0123456789abcdef" * 500_000)  # such a one git writes into a pack
    write_review_tree(work_tree)
    assert published(work_tree.repository) == before


def test_the_agents_own_git_works_without_them(work_tree: WorkTree, tmp_path: Path) -> None:
    commit = commit_of(work_tree)
    create_agent_git_dir(tmp_path / "home.git", work_tree=work_tree, branch=BRANCH)
    git(work_tree.path, "fsck", "--strict", "--connectivity-only")
    with pytest.raises(AssertionError, match="bad file"):
        git(work_tree.path, "cat-file", "commit", commit)


def test_a_pushed_commit_is_published_and_nothing_else_is(work_tree: WorkTree, origin: Origin) -> None:
    repository = work_tree.repository
    before = published(repository)
    commit = commit_of(work_tree)
    (work_tree.path / "later").write_text("after the commit\n")
    write_review_tree(work_tree)
    push_branch(repository, origin.remote, addresses=(), commit=commit, branch=BRANCH)
    wanted = repository.run(["rev-list", "--objects", "--no-object-names", commit, "--not", work_tree.base_commit])
    assert published(repository) - before == set(wanted.split())


def test_what_was_pushed_and_merged_is_a_base_for_other_agents(
    work_tree: WorkTree, origin: Origin, tmp_path: Path
) -> None:
    """Git fetches nothing that it has in any folder: without the publishing the second agent would lack objects."""
    repository = work_tree.repository
    commit = commit_of(work_tree)
    push_branch(repository, origin.remote, addresses=(), commit=commit, branch=BRANCH)
    origin.git("merge", "-q", "--ff-only", BRANCH)
    head = fetch(repository, origin.remote, addresses=()).head_commit
    second = create_work_tree(repository, tmp_path / "second", index_dir=tmp_path / "i", base_commit=head)
    create_agent_git_dir(tmp_path / "second.git", work_tree=second, branch="b")
    assert git(second.path, "log", "-1", "--format=%H") == commit
    git(second.path, "fsck", "--strict")


def test_the_same_content_from_somebody_else_is_fetched_whole(work_tree: WorkTree, origin: Origin) -> None:
    """A small pack that git unpacks leaves out what it has: so packs are kept."""
    repository = work_tree.repository
    tree = repository.read_commit(commit_of(work_tree)).tree
    origin.commit({"secret": b"made by another run\n", "README.md": b"hello again\n"}, "by hand")
    head = fetch(repository, origin.remote, addresses=()).head_commit
    assert repository.read_commit(head).tree == tree
    run_git(["rev-list", "--objects", "--quiet", head], git_dir=repository.path)


def test_publishing_twice_is_fine(work_tree: WorkTree) -> None:
    commit = commit_of(work_tree)
    work_tree.repository.publish(commit)
    once = published(work_tree.repository)
    work_tree.repository.publish(commit)
    assert published(work_tree.repository) == once


def test_the_private_objects_are_closed_to_other_users(repository: Repository) -> None:
    assert repository.private_objects.stat().st_mode & 0o077 == 0
