"""Clients of people with roles in the project."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from projects.models import Membership, Project
from tests.conftest import MakeApi, MakeUser
from tests.projects.git.certificates import Authority, make_authority
from tests.projects.git.ssh_server import SshServer, running_sshd

AsRole = Callable[[str], APIClient]
WorkOff = Callable[[], None]


@pytest.fixture
def as_role(project: Project, make_user: MakeUser, make_api: MakeApi) -> AsRole:
    """Clients of new members with a given role."""

    def make(role: str) -> APIClient:
        person = make_user(f"{role}@example.com")
        Membership.objects.create(project=project, user=person, role=role)
        return make_api(person)

    return make


@pytest.fixture
def clone(api: APIClient, work_off: WorkOff) -> Callable[..., Any]:
    """Makes a project and lets the workers clone it; its final state."""

    def make(url: object, **members: Any) -> Any:
        created = api.post("/api/projects", {"name": "Sample", "repositoryUrl": str(url), **members})
        assert created.status_code == 201, created.content
        work_off()
        return api.get(f"/api/projects/{created.json()['id']}").json()

    return make


def outcome(project: Any) -> tuple[str, str | None]:
    """A project's status, and the code of its error."""
    return project["status"], project["error"] and project["error"]["code"]


@pytest.fixture
def operator(db: None, make_user: MakeUser) -> User:
    """An operator who is a member of nothing."""
    return make_user("operator@example.com", is_staff=True)


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """A real sshd; each test authorizes its own key."""
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs servers' certificates."""
    return make_authority(tmp_path_factory.mktemp("authority"))
