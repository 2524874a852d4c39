from collections.abc import Callable
from pathlib import Path

import pytest

from projects.git.remote import fetch
from projects.git.repository import Repository, create_repository
from projects.git.work_tree import WorkTree, create_work_tree
from tests.projects.git.sample import Origin, make_origin

MakeWorkTree = Callable[..., WorkTree]


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    made = make_origin(tmp_path / "origin")
    made.commit({"README.md": b"hello\n", "src/app.py": b"print('hi')\n", ".gitignore": b"*.log\n"}, "first")
    return made


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return create_repository(tmp_path / "server" / "repository.git")


@pytest.fixture
def make_work_tree(tmp_path: Path, repository: Repository, origin: Origin) -> MakeWorkTree:
    """Fetches the origin as it is then, and makes a work tree of it."""

    def make(name: str = "work") -> WorkTree:
        head = fetch(repository, origin.remote, addresses=()).head_commit
        return create_work_tree(repository, tmp_path / name, index_dir=tmp_path / f"{name}.index", base_commit=head)

    return make


@pytest.fixture
def work_tree(make_work_tree: MakeWorkTree) -> WorkTree:
    return make_work_tree()
