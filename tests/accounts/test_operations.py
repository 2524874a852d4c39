"""Every operation of the OpenAPI document: no token, wrong ability, right ability, somebody else, archived project."""

import json
import re
from typing import Any

import httpx
import pytest
from asgiref.sync import async_to_sync
from rest_framework.test import APIClient

from accounts import abilities
from accounts.models import User
from accounts.services import issue_token
from config.openapi.examples import EXAMPLES
from projects.models import Project
from runs.models import Run
from snapshots.models import Snapshot
from tests.config.described import IDS, OPERATIONS, codes_of
from tests.conftest import MakeUser

Operation = tuple[str, str, dict[str, Any]]
GUARDED = [each for each in OPERATIONS if each[2].get("security")]
WITH_ABILITY = [each for each in GUARDED if "x-required-ability" in each[2]]
OF_A_PROJECT = [each for each in GUARDED if re.search(r"{(project|run|snapshot)}", each[0])]
OTHERS = {"key": "script", "slug": "project-map"}
REVIVES = {"projects_clone"}


def cases(operations: list[Operation]) -> list[Any]:
    """A stream reads the database in a thread of its own, which sees only what is committed."""
    return [
        pytest.param(
            each, id=each[2]["operationId"], marks=pytest.mark.django_db(transaction=each[0].endswith("/stream"))
        )
        for each in operations
    ]


class Caller:
    """Knocks at any door, those of event streams included, which are no views."""

    def __init__(self, places: dict[str, Any]) -> None:
        self.places = places

    def call(self, path: str, method: str, operation: dict[str, Any], token: str | None) -> Any:
        address = re.sub(r"{(\w+)}", lambda match: str(self.places.get(match[1], 1)), path)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if path.endswith("/stream"):
            return async_to_sync(_open_stream)(address, headers)
        client = APIClient()
        client.raise_request_exception = False
        body = "" if method == "get" else json.dumps(_body(operation))
        return client.generic(method.upper(), address, body, content_type="application/json", headers=headers)


async def _open_stream(address: str, headers: dict[str, str]) -> httpx.Response:
    from config.asgi import application

    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver", headers=headers) as client:
        return await client.get(address, params={"follow": "false"})


def _body(operation: dict[str, Any]) -> Any:
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return EXAMPLES.get(schema.get("$ref", "").rpartition("/")[2], {})


@pytest.fixture
def caller(project: Project, run: Run) -> Caller:
    snapshot = Snapshot.objects.create(
        project=project, run=run, attempt=1, kind="before_run", ref="refs/quarterdeck/x", commit="0" * 40, tree="0" * 40
    )
    return Caller({"project": project.pk, "run": run.pk, "snapshot": snapshot.pk, **OTHERS})


def token_of(user: User, *granted: str) -> str:
    return issue_token(user, granted or ["*"])[1]


def assert_documented(operation: dict[str, Any], answer: Any) -> None:
    """The status, and of a problem the code, stand in the document."""
    assert str(answer.status_code) in operation["responses"], answer.content
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] in codes_of(operation, answer.status_code), answer.content


def test_there_are_operations() -> None:
    assert len(OPERATIONS) > 60
    assert {"runs_events_stream", "events_stream"} <= set(IDS)


@pytest.mark.parametrize("operation", cases(GUARDED))
def test_without_a_token_it_is_401(operation: Operation, caller: Caller) -> None:
    answer = caller.call(*operation, token=None)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("operation", cases(WITH_ABILITY))
def test_with_all_abilities_but_the_one_it_is_403_and_says_how_to_get_it(
    operation: Operation, caller: Caller, wrong_token: dict[str, str]
) -> None:
    wanted = operation[2]["x-required-ability"]
    answer = caller.call(*operation, token=wrong_token[wanted])

    assert (answer.status_code, answer.json()["code"]) == (403, "missing-ability")
    assert answer.json()["requiredAbility"] == wanted
    way = "/api/auth/elevate" if wanted in abilities.ELEVATED else "/api/auth/token"
    assert way in answer.json()["detail"]


@pytest.fixture
def wrong_token(user: User) -> dict[str, str]:
    """Ability → a token that holds all the others."""
    return {each: token_of(user, *(other for other in abilities.ALL if other != each)) for each in abilities.ALL}


@pytest.fixture
def right_token(user: User) -> str:
    return token_of(user)


@pytest.fixture
def strangers_token(make_user: MakeUser) -> str:
    return token_of(make_user("stranger@example.com"))


@pytest.fixture
def archived(project: Project) -> Project:
    project.status = Project.Status.ARCHIVED
    project.save(update_fields=["status"])
    return project


@pytest.mark.parametrize("operation", cases(GUARDED))
def test_with_the_ability_it_answers_what_the_document_says(
    operation: Operation, caller: Caller, right_token: str
) -> None:
    answer = caller.call(*operation, token=right_token)

    assert answer.status_code != 401
    assert answer.status_code < 400 or answer.json()["code"] != "missing-ability"
    assert_documented(operation[2], answer)


@pytest.mark.parametrize("operation", cases(OF_A_PROJECT))
def test_what_is_somebody_elses_is_404(operation: Operation, caller: Caller, strangers_token: str) -> None:
    answer = caller.call(*operation, token=strangers_token)

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize("operation", cases(OF_A_PROJECT))
def test_an_archived_project_can_be_read_and_refuses_changes(
    operation: Operation, caller: Caller, archived: Project, allow_local: None, right_token: str
) -> None:
    answer = caller.call(*operation, token=right_token)

    assert_documented(operation[2], answer)
    if operation[1] == "get" or operation[2]["operationId"] in REVIVES:
        assert answer.status_code < 500
    else:
        assert answer.status_code in (404, 409, 422)
