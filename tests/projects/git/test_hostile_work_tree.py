"""An agent controls every byte of its work tree: nothing in there may run as the server."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from projects.git.changes import changed_files, diff
from projects.git.commits import SNAPSHOT_REFS, commit_tree, save_snapshot
from projects.git.trees import write_exact_tree, write_review_tree
from projects.git.work_tree import WorkTree
from tests.projects.git.sample import ADA, git
from tests.projects.git.traps import arm

pytestmark = pytest.mark.plumbing
Trap = Callable[[Path, Path], None]


def attributes(folder: Path) -> None:
    (folder / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    (folder / "data.bin").write_bytes(b"\0\1\2")


def git_folder(work_tree: Path, canary: Path) -> None:
    """`.git` itself replaced by a folder of the agent's."""
    git(work_tree, "init", "-q")
    arm(work_tree / ".git", canary)
    attributes(work_tree)


def git_file(work_tree: Path, canary: Path) -> None:
    """`.git` as a file that names a git dir of the agent's."""
    git(work_tree, "init", "-q", "--separate-git-dir", str(work_tree / "hidden"))
    arm(work_tree / "hidden", canary)
    attributes(work_tree)


def bare_layout(work_tree: Path, canary: Path) -> None:
    """The work tree itself looks like a bare repository."""
    git(work_tree, "init", "-q", "--bare", ".")
    arm(work_tree, canary)
    attributes(work_tree)


def nested_repository(work_tree: Path, canary: Path) -> None:
    inside = work_tree / "inside"
    inside.mkdir()
    git(inside, "init", "-q")
    attributes(inside)
    git(inside, "add", ".")
    git(inside, "commit", "-qm", "x")
    arm(inside / ".git", canary)
    (inside / "data.bin").write_bytes(b"\0changed")


def nested_over_tracked_folder(work_tree: Path, canary: Path) -> None:
    inside = work_tree / "src"
    git(inside, "init", "-q")
    attributes(inside)
    git(inside, "add", ".")
    git(inside, "commit", "-qm", "x")
    arm(inside / ".git", canary)
    (inside / "app.py").write_text("changed\n")


def git_link(work_tree: Path, canary: Path) -> None:
    """`.git` as a link to a git dir of the agent's."""
    git(work_tree, "init", "-q")
    (work_tree / ".git").rename(work_tree / "hidden")
    (work_tree / ".git").symlink_to("hidden")
    arm(work_tree / "hidden", canary)
    attributes(work_tree)


TRAPS: list[Trap] = [git_folder, git_file, git_link, bare_layout, nested_repository, nested_over_tracked_folder]


@pytest.mark.parametrize("trap", TRAPS)
def test_nothing_of_the_agents_runs(work_tree: WorkTree, tmp_path: Path, trap: Trap) -> None:
    canary = tmp_path / "canary"
    repository, base = work_tree.repository, work_tree.base_commit
    trap(work_tree.path, canary)
    canary.unlink(missing_ok=True)
    for _ in range(2):
        tree = write_review_tree(work_tree)
        write_exact_tree(work_tree)
        (work_tree.path / "more.bin").write_bytes(b"\0more")
    changed_files(repository, base, tree)
    diff(repository, base, tree)
    commit_tree(repository, tree=tree, parents=[base], author=ADA, committer=ADA, message="m", at=datetime.now(UTC))
    save_snapshot(work_tree, ref=SNAPSHOT_REFS + "1", message="m", parent=None)
    assert not canary.exists()


@pytest.mark.parametrize("trap", TRAPS)
def test_the_trap_would_have_worked(work_tree: WorkTree, tmp_path: Path, trap: Trap) -> None:
    """The same work tree under a person's git: shows that the canary sings at all."""
    canary = tmp_path / "canary"
    trap(work_tree.path, canary)
    folder = next(path for path in (work_tree.path / "inside", work_tree.path) if path.exists())
    folder = work_tree.path / "src" if trap is nested_over_tracked_folder else folder
    arguments = ["-C", str(folder), f"--work-tree={folder}"] if trap is bare_layout else ["-C", str(folder)]
    with contextlib.suppress(AssertionError):
        git(folder, *arguments, "status")
    assert canary.exists()


def test_an_agents_submodule_never_gets_in(work_tree: WorkTree, tmp_path: Path) -> None:
    nested_repository(work_tree.path, tmp_path / "canary")
    for _ in range(2):
        assert b"160000" not in work_tree.repository.run(["ls-tree", "-r", write_review_tree(work_tree)])
