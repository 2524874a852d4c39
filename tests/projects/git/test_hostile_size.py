"""Very many files, and very large ones, from a remote and from an agent; cheap to make: one content, or holes."""

import os
import subprocess
from pathlib import Path

import pytest

from projects.git import child
from projects.git.changes import changed_files, diff, large_files
from projects.git.errors import WorkTreeRefused
from projects.git.extent import CheckoutLimits
from projects.git.remote import fetch
from projects.git.repository import create_repository
from projects.git.trees import write_review_tree
from projects.git.work_tree import WorkTree, create_work_tree
from tests.projects.git.sample import ENVIRONMENT, Origin, make_origin

pytestmark = pytest.mark.plumbing
MANY = 100_000
LARGE = 1 << 28


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Origin:
    """A repository with that many files in a thousand folders, all of one content."""
    made = make_origin(tmp_path_factory.mktemp("crowded") / "origin")
    names = (f"M 100644 :1 d{number % 1000}/f{number}\n" for number in range(MANY))
    head = "commit refs/heads/trunk\ncommitter Eve <eve@example.org> 1 +0000\ndata 1\nm\n"
    script = "blob\nmark :1\ndata 2\nx\n\n" + head + "".join(names)
    subprocess.run(["git", "fast-import", "--quiet"], cwd=made.path, env=ENVIRONMENT, input=script.encode(), check=True)
    return made


@pytest.fixture(scope="module")
def crowd(crowded: Origin, tmp_path_factory: pytest.TempPathFactory) -> WorkTree:
    """Its work tree, as a run has it."""
    folder = tmp_path_factory.mktemp("crowd")
    repository = create_repository(folder / "repository.git")
    head = fetch(repository, crowded.remote, addresses=()).head_commit
    return create_work_tree(repository, folder / "w", index_dir=folder / "i", base_commit=head)


def test_a_hundred_thousand_files_are_laid_out_and_recorded(crowd: WorkTree, crowded: Origin) -> None:
    assert write_review_tree(crowd) == crowded.git("rev-parse", "HEAD^{tree}")


def test_more_than_are_allowed_are_refused_before_one_is_written(crowd: WorkTree, tmp_path: Path) -> None:
    with pytest.raises(WorkTreeRefused) as caught:
        create_work_tree(
            crowd.repository,
            tmp_path / "w",
            index_dir=tmp_path / "i",
            base_commit=crowd.base_commit,
            limits=CheckoutLimits(files=MANY - 1),
        )
    assert caught.value.code == "too-many-files"
    assert not (tmp_path / "w").exists()


def test_a_file_of_a_quarter_of_a_gibibyte_is_recorded_and_left_out_of_what_is_shown(
    work_tree: WorkTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = work_tree.path / "large"
    large.touch()
    os.truncate(large, LARGE)
    tree = write_review_tree(work_tree)
    [change] = changed_files(work_tree.repository, work_tree.base_commit, tree)
    assert (change.path, change.is_binary, change.size_bytes) == ("large", True, LARGE)
    monkeypatch.setattr(child, "MEMORY_BYTES", LARGE // 4)
    without = large_files(work_tree.repository, work_tree.base_commit, tree)
    assert (without, diff(work_tree.repository, work_tree.base_commit, tree, without=without)) == (["large"], b"")
