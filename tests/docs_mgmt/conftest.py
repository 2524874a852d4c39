"""What the tests of managed documents share: commits of a real remote, and projects whose code is indexed."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from projects.index_models import ProjectIndex
from projects.models import Project
from projects.services.index_queue import queue_index
from projects.services.indexing import index_project
from projects.services.pulling import pull_project
from tests.conftest import git

Commit = Callable[[Mapping[str, bytes]], str]
Indexed = Callable[[Mapping[str, bytes]], Project]


@pytest.fixture
def commit(tmp_path: Path, remote: Path) -> Commit:
    """Commits files in the remote; gives the commit's id. A clone that is there does not have it before a pull."""

    def make(files: Mapping[str, bytes]) -> str:
        work = tmp_path / "origin"
        for name, content in files.items():
            (work / name).parent.mkdir(exist_ok=True, parents=True)
            (work / name).write_bytes(content)
        git("add", ".", cwd=work)
        git("commit", "-q", "-m", "Documents", cwd=work)
        git("push", "-q", remote, "main", cwd=work)
        return git("rev-parse", "HEAD", cwd=work).strip()

    return make


@pytest.fixture
def indexed(commit: Commit, request: pytest.FixtureRequest) -> Indexed:
    """A project whose head commit has these files beside the sample's, and whose index is of it."""

    def make(files: Mapping[str, bytes]) -> Project:
        head = commit(files) if files else None
        project: Project = request.getfixturevalue("cloned")
        if head not in (None, project.head_commit):  # another fixture has cloned it before
            pull(project)
        index(project)
        return project

    return make


def index(project: Project) -> None:
    """Brings the project's index up to its head."""
    queue_index(project.pk, ProjectIndex.Work.UPDATE)
    index_project(project.pk)
    project.refresh_from_db()
    assert project.index["status"] == "ready", project.index


def pull(project: Project) -> None:
    """Takes over what the remote has, and indexes it."""
    Project.objects.filter(pk=project.pk).update(status="pulling")
    pull_project(project.pk)
    project.refresh_from_db()
    index(project)
