"""Bad input, case by case, at every door: always a problem of the client's, never a 500, and nothing is changed."""

import json
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.urls import resolve
from rest_framework.test import APIClient

from accounts.models import AccessToken, User
from projects.models import Project
from runs.models import Run
from tests.accounts.test_abilities import DOORS, PUBLIC, Door
from tests.config.answers import problem
from tests.config.test_api_errors import BROKEN
from tests.conftest import MakeApi

JSON = "application/json"
APPS = ("accounts", "settings_params", "devices", "projects", "runs", "snapshots")
WRITING = [door for door in DOORS if door.method in ("POST", "PUT")]
READING = [door for door in DOORS if door.method == "GET"]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
VALUES = {
    "NUL": "%00",
    "a lone surrogate": "%ED%A0%80",
    "half a character": "%C3",
    "a huge number": "9" * 40,
    "a number past 64 bits": str(2**63),
    "minus one": "-1",
    "nothing": "",
    "other digits": quote("١٢"),
    "ten thousand characters": "x" * 10_000,
    "SQL": quote("' OR 1=1 --"),
    "a pattern": "%25_%5C",
    "a line end": "a%0D%0AX-Injected:%201",
}


def _id(door: Door) -> str:
    return f"{door.method} {door.route}"


over_writing = pytest.mark.parametrize("door", WRITING, ids=_id)
over_reading = pytest.mark.parametrize("door", READING, ids=_id)


@pytest.fixture(autouse=True)
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many requests as the cases need."""
    for name in ("DEFAULT", "RUN_START", "SETTINGS_WRITES", "LOGINS"):
        monkeypatch.setenv(f"QUARTERDECK_PARAM_LIMITS_{name}_PER_MINUTE", "100000")


@pytest.fixture
def path_of(run: Run) -> Any:
    """The address of a door to a project and a run that are there."""
    return lambda door: door.path(run.project_id, run.pk, run.pk)


def _parameters(path: str) -> set[str]:
    """The query parameters that a GET of this address reads."""
    match: Any = resolve(path)
    view = match.func.cls()
    view.action = match.func.actions["get"]
    return set(view.known_parameters())


def _rows() -> dict[str, list[Any]]:
    """Everything that is stored, but for what every request notes."""
    kinds = [model for name in APPS for model in apps.get_app_config(name).get_models() if model is not AccessToken]
    return {kind._meta.label: list(kind._default_manager.order_by("pk").values()) for kind in kinds}


def _refused(answer: Any) -> None:
    status, _ = problem(answer)
    assert 400 <= status < 500


@over_writing
def test_a_body_that_is_no_strict_json_changes_nothing(api: APIClient, path_of: Any, door: Door) -> None:
    before = _rows()
    for body in BROKEN.values():
        _refused(api.generic(door.method, path_of(door), body, content_type=JSON))
    assert _rows() == before


@over_writing
def test_a_body_in_another_charset_changes_nothing(api: APIClient, path_of: Any, door: Door) -> None:
    before = _rows()
    for charset in ("latin-1", "utf-16", "utf-7", "cp037"):
        body: Any = '{"name": "é"}'.encode(charset)
        _refused(api.generic(door.method, path_of(door), body, content_type=f"{JSON}; charset={charset}"))
    assert _rows() == before


@over_writing
def test_another_content_type_changes_nothing(api: APIClient, path_of: Any, door: Door) -> None:
    before = _rows()
    for kind in ("text/plain", "multipart/form-data", "application/xml", "x", f"{JSON}\0", f"{JSON}; charset=bogus"):
        _refused(api.generic(door.method, path_of(door), "{}", content_type=kind))
    assert _rows() == before


@over_writing
def test_a_huge_number_for_every_member_changes_nothing(api: APIClient, path_of: Any, door: Door) -> None:
    before = _rows()
    names = ("projectId", "attempt", "runId", "against", "ttlMinutes", "optionId", "user", "role", "name", "tree")
    for value in (2**63, -(2**63) - 1, 10**300, 1e308):
        body = json.dumps(dict.fromkeys(names, value))
        _refused(api.generic(door.method, path_of(door), body, content_type=JSON))
    assert _rows() == before


@pytest.mark.parametrize("route", sorted({door.route for door in DOORS}))
def test_a_method_that_a_route_has_not_is_405(api: APIClient, path_of: Any, route: str) -> None:
    doors = [door for door in DOORS if door.route == route]
    for method in set(METHODS) - {door.method for door in doors}:
        answer = api.generic(method, path_of(doors[0]))
        assert problem(answer) == (405, "method-not-allowed"), method
        assert answer.headers["Allow"]


@over_reading
def test_no_value_of_a_query_parameter_breaks_a_door(api: APIClient, path_of: Any, door: Door) -> None:
    path = path_of(door)
    for name, value in product({"limit", "cursor", *_parameters(path)}, VALUES.values()):
        answer = api.get(f"{path}?{name}={value}")
        assert "X-Injected" not in answer.headers
        if answer.status_code != 200:
            _refused(answer)


@over_reading
def test_a_parameter_given_twice_is_refused(api: APIClient, path_of: Any, door: Door) -> None:
    _refused(api.get(f"{path_of(door)}?limit=1&limit=2"))


TRICKS = [
    *("/api//projects", "//api/projects", "/api/./projects", "/api/x/../projects", "/api/%2e%2e/api/projects"),
    *(
        "/api/projects/",
        "/api/projects;a=b",
        "/api/projects%3Ba",
        "/API/projects",
        "/api/projects%2F1",
        "/api/projects%00",
    ),
    *("/api/projects%20", "/api/projects/%31%00", "/api\\projects", "/api/projects/1/", "/api/projects.json"),
    *("/api/projects/+1", "/api/projects/1e0", "/api/projects/0x1", "/api/projects/1%0a", "/api/runs/1/%2e%2e/start"),
    *("/api/%c0%ae%c0%ae/projects", "/api/projects/٣", "/api/%ff", "/static/../config/settings.py", "/static/%2e%2e/x"),
    *("/api/blobs/..%2f..%2fdb.sqlite3", "/errors/../x", "/errors/not-found/", "/errors/%2e%2e", "/"),
]


@pytest.mark.parametrize("path", TRICKS)
def test_a_path_trick_leads_nowhere(api: APIClient, path: str) -> None:
    answer = api.get(path)
    assert problem(answer)[0] in (403, 404)
    assert answer.headers["X-Request-ID"]


HEADERS: list[dict[str, Any]] = [
    {"Host": "a b"},
    {"Host": "evil.example/../"},
    {"Host": "[::1"},
    {"Accept": "x" * 5000},
    {"Accept": "*/*;q=banana"},
    {"Accept": ";"},
    {"Accept": "application/json; indent=9999999"},
    {"Accept-Encoding": "gzip;q=banana, \x00"},
    {"X-Request-ID": "a\r\nX-Injected: 1"},
    {"If-None-Match": '"' * 5000},
    {"Idempotency-Key": "\x00"},
    {"Range": "bytes=-9999999999999999999999"},
    {"X-Forwarded-For": "\x00, ::, 999.1.1.1"},
    {"X-Forwarded-Host": "evil.example"},
    {"X-HTTP-Method-Override": "DELETE"},
    {"Cookie": "sessionid=\x00; csrftoken=é"},
    {"Content-Length": "banana"},
    {"Content-Type": "\x00"},
    {"Origin": "null"},
    {"Last-Event-ID": "9" * 50},
]


@pytest.mark.parametrize("headers", HEADERS, ids=[str(each)[:40] for each in HEADERS])
def test_no_header_breaks_a_door(api: APIClient, project: Project, headers: dict[str, Any]) -> None:
    answer = api.get(f"/api/projects/{project.pk}", headers=headers)
    assert "X-Injected" not in answer.headers
    assert "evil" not in str(answer.headers)
    if answer.status_code != 200:
        _refused(answer)
    assert Project.objects.exists()


CREDENTIALS = [
    *("", "Bearer", "Bearer ", "Bearer x", "Bearer |", "Bearer 1|", "Bearer |x", "Bearer 1|x", "Bearer -1|x"),
    *("Bearer 1|x|y", f"Bearer {'9' * 40}|x", "Bearer \u0661|x", "Bearer 1\0|x", "Basic YTpi", "bearer 1|x"),
    *("Token 1|x", "Bearer " + "x" * 8000, "Bearer 1|é", "Bearer\t1|x", ", Bearer 1|x"),
]


@pytest.mark.parametrize("credentials", CREDENTIALS, ids=[each[:20] for each in CREDENTIALS])
def test_what_is_no_token_is_unauthenticated(db: None, credentials: str) -> None:
    answer = APIClient().get("/api/projects", headers={"Authorization": credentials})
    assert problem(answer) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("door", [door for door in DOORS if door.route not in PUBLIC], ids=_id)
def test_a_token_of_a_deleted_user_opens_nothing(make_api: MakeApi, make_user: Any, path_of: Any, door: Door) -> None:
    person: User = make_user("gone@example.com")
    client = make_api(person)
    person.delete()
    assert problem(client.generic(door.method, path_of(door), "{}", content_type=JSON)) == (401, "unauthenticated")


def test_a_token_of_a_disabled_user_opens_nothing(api: APIClient, user: User) -> None:
    User.objects.update(is_active=False)
    assert problem(api.get("/api/projects")) == (401, "unauthenticated")


def test_a_cursor_that_was_cut_short_is_refused(api: APIClient, user: User, project: Project) -> None:
    for number in range(3):
        Run.objects.create(project=project, created_by=user, title=f"Run {number}", prompt="x")
    cursor = api.get("/api/runs?limit=1").json()["meta"]["nextCursor"]
    for length in range(1, len(cursor)):
        answer = api.get("/api/runs", {"limit": "1", "cursor": cursor[:length]})
        assert problem(answer) == (400, "invalid-cursor"), length


def test_a_cursor_outlives_the_row_that_it_names(api: APIClient, user: User, project: Project) -> None:
    for number in range(3):
        Run.objects.create(project=project, created_by=user, title=f"Run {number}", prompt="x")
    cursor = api.get("/api/runs?limit=1").json()["meta"]["nextCursor"]
    Run.objects.latest("pk").delete()
    assert len(api.get("/api/runs", {"cursor": cursor}).json()["data"]) == 2
