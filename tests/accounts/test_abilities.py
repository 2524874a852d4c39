"""Every route there is: no token, a token with too little, somebody who may not see the thing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import URLPattern
from rest_framework.test import APIClient

from accounts import abilities
from accounts.models import User
from accounts.services import issue_token
from config.urls import urlpatterns
from projects.models import Project
from runs.models import Run
from snapshots.models import Snapshot
from tests.config.answers import problem
from tests.conftest import MakeApi

PUBLIC = {
    *("healthz", "readyz", "errors", "errors/<slug:code>", "api/schema", "api/docs", "api/meta"),
    *("api/auth/token", "api/blobs/<str:signature>"),
}
CONSOLE = {"admin/"}


@dataclass(frozen=True)
class Door:
    """One method of one route, with the ability that its view declares."""

    method: str
    route: str
    ability: str | None
    is_declared: bool

    @property
    def is_item(self) -> bool:
        return "<" in self.route

    def path(self, project: int, run: int, item: int) -> str:
        ids = {"project": project, "run": run}
        pk = project if self.route.startswith("api/projects/<id:pk>") else item
        pk = run if self.route.startswith("api/runs/<id:pk>") else pk
        route = self.route.replace("<slug:slug>", "project-map")
        return "/" + re.sub(r"<id:(\w+)>", lambda match: str(ids.get(match[1], pk)), route)


def _doors() -> Iterator[Door]:
    for pattern in urlpatterns:
        route = str(pattern.pattern)
        if not isinstance(pattern, URLPattern) or route in PUBLIC | CONSOLE:
            continue
        view: Any = pattern.callback
        for method, action in getattr(view, "actions", {"get": None}).items():
            declared: dict[str, str | None] = getattr(getattr(view, "cls", None), "abilities", {})
            if method != "head":
                yield Door(method.upper(), route, declared.get(action), action in declared)


DOORS = list(_doors())
GUARDED = [door for door in DOORS if door.ability]


def _id(door: Door) -> str:
    return f"{door.method} {door.route}"


@pytest.fixture
def path_of(project: Project, run: Run, user: User) -> Any:
    """The address of a door to things that are there."""
    token, _ = issue_token(user, ["projects:read"])
    snapshot = Snapshot.objects.create(
        project=project, run=run, attempt=1, kind="before_run", ref="refs/quarterdeck/x", commit="0" * 40, tree="0" * 40
    )

    def path(door: Door) -> str:
        return door.path(project.pk, run.pk, token.pk if door.route.startswith("api/auth/") else snapshot.pk)

    return path


def _knock(client: APIClient, door: Door, path: str) -> Any:
    return client.generic(door.method, path, "{}", content_type="application/json")


def test_there_are_doors() -> None:
    assert len(DOORS) > 30


@pytest.mark.parametrize("route", sorted(PUBLIC | CONSOLE))
def test_what_is_called_public_exists(route: str) -> None:
    assert route in {str(pattern.pattern) for pattern in urlpatterns}


@pytest.mark.parametrize("door", DOORS, ids=_id)
def test_a_door_declares_its_ability(door: Door) -> None:
    assert door.is_declared, "a route without an ability: declare it in the view's `abilities`"
    assert door.ability is None or door.ability in abilities.ALL


@pytest.mark.parametrize("door", DOORS, ids=_id)
def test_a_door_is_closed_without_a_token(door: Door, path_of: Any) -> None:
    assert problem(_knock(APIClient(), door, path_of(door))) == (401, "unauthenticated")


@pytest.mark.parametrize("door", GUARDED, ids=_id)
def test_a_door_is_closed_to_a_token_without_its_ability(
    door: Door, path_of: Any, user: User, make_api: MakeApi
) -> None:
    others = [ability for ability in abilities.ALL if ability != door.ability]

    answer = _knock(make_api(user, *others), door, path_of(door))

    assert (problem(answer), answer.json()["requiredAbility"]) == ((403, "missing-ability"), door.ability)


@pytest.mark.parametrize("door", [door for door in GUARDED if door.is_item], ids=_id)
def test_a_missing_ability_comes_before_what_may_be_seen(
    door: Door, path_of: Any, make_api: MakeApi, user: User
) -> None:
    client = make_api(user, "nothing:at-all")
    assert _knock(client, door, door.path(10**9, 10**9, 10**9)).status_code == 403


@pytest.mark.parametrize("door", [door for door in DOORS if door.is_item], ids=_id)
def test_a_thing_of_others_is_not_found(door: Door, path_of: Any, stranger: APIClient) -> None:
    assert problem(_knock(stranger, door, path_of(door))) == (404, "not-found")


@pytest.mark.parametrize("door", [door for door in DOORS if door.is_item], ids=_id)
def test_a_thing_that_is_not_there_is_told_like_one_of_others(door: Door, path_of: Any, stranger: APIClient) -> None:
    seen = _knock(stranger, door, path_of(door)).json()
    missing = _knock(stranger, door, door.path(10**9, 10**9, 10**9)).json()
    assert {**seen, "instance": ""} == {**missing, "instance": ""}


@pytest.mark.parametrize("door", [door for door in DOORS if door.is_item], ids=_id)
def test_a_thing_of_others_is_not_found_before_a_wrong_parameter_is_told(
    door: Door, path_of: Any, stranger: APIClient
) -> None:
    assert problem(_knock(stranger, door, path_of(door) + "?nonsense=1")) == (404, "not-found")


@pytest.mark.parametrize("door", GUARDED, ids=_id)
def test_a_wildcard_opens_its_group(door: Door, path_of: Any, user: User, make_api: MakeApi) -> None:
    assert door.ability is not None
    group = door.ability.partition(":")[0]
    answer = _knock(make_api(user, f"{group}:*"), door, path_of(door))
    assert answer.status_code < 500
    assert answer.status_code != 403 or answer.json()["code"] != "missing-ability"


def test_a_member_that_asks_for_a_commit_with_the_approval_needs_that_ability_too(
    run: Run, user: User, make_api: MakeApi
) -> None:
    answer = make_api(user, "runs:control").post(f"/api/runs/{run.pk}/approve", {"commit": True})
    assert (problem(answer), answer.json()["requiredAbility"]) == ((403, "missing-ability"), "git:commit")
