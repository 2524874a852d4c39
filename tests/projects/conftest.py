"""Clients of people with roles in the project."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from projects.models import Membership, Project
from tests.conftest import MakeApi, MakeUser

AsRole = Callable[[str], APIClient]


@pytest.fixture
def as_role(project: Project, make_user: MakeUser, make_api: MakeApi) -> AsRole:
    """Clients of new members with a given role."""

    def make(role: str) -> APIClient:
        person = make_user(f"{role}@example.com")
        Membership.objects.create(project=project, user=person, role=role)
        return make_api(person)

    return make


@pytest.fixture
def operator(db: None, make_user: MakeUser) -> User:
    """An operator who is a member of nothing."""
    return make_user("operator@example.com", is_staff=True)
