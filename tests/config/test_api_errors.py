"""Every error is a problem, whatever went wrong and wherever."""

import json

import httpx
import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import AccessToken, User
from projects.models import Project
from runs.models import Run
from tests.config.answers import problem
from tests.conftest import MakeApi, MakeUser
from tests.serving import StartServer

JSON = "application/json"
UNSUPPORTED = (415, "unsupported-media-type")
NESTED = '{"name":' * 900 + "1" + "}" * 900
LISTS = "[" * 900 + "]" * 900
BROKEN = {
    "nothing but a brace": "{",
    "text after the value": "{} {}",
    "a trailing comma": '{"name": "a",}',
    "a key that stands twice": '{"name": "a", "name": "b"}',
    "a key that stands twice inside": '{"defaults": {"safeMode": true, "safeMode": false}}',
    "NaN": '{"name": NaN}',
    "infinity": '{"name": 1e999}',
    "a lone surrogate": '{"name": "\\ud800"}',
    "nested objects": NESTED,
    "nested lists": LISTS,
    "a hundred thousand braces": '{"a":' * 100_000,
    "a NUL byte": '{"name": "a\0"}',
    "a number of ten thousand digits": '{"name": ' + "9" * 10_000 + "}",
}


def test_an_unknown_path_is_a_problem(api: APIClient) -> None:
    assert problem(api.get("/api/nothing")) == (404, "not-found")


def test_a_trailing_slash_is_an_unknown_path(api: APIClient) -> None:
    assert problem(api.get("/api/projects/")) == (404, "not-found")


@pytest.mark.parametrize("identifier", ["abc", "-1", "9" * 40, "1%00", "%ff", "\uff11"])
def test_an_impossible_id_is_not_found(api: APIClient, identifier: str) -> None:
    assert problem(api.get(f"/api/projects/{identifier}")) == (404, "not-found")


def test_the_largest_id_is_not_found(api: APIClient) -> None:
    assert problem(api.get(f"/api/projects/{'9' * 18}")) == (404, "not-found")


@pytest.mark.parametrize("method", ["PATCH", "OPTIONS", "TRACE"])
def test_a_method_that_no_route_has_is_refused(api: APIClient, project: Project, method: str) -> None:
    assert problem(api.generic(method, f"/api/projects/{project.pk}")) == (405, "method-not-allowed")


def test_a_refused_method_comes_with_the_allowed_ones(api: APIClient, project: Project) -> None:
    assert "PUT" in api.post(f"/api/projects/{project.pk}").headers["Allow"]


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/errors", "/api/blobs/x", "/api/schema", "/api/meta"])
def test_a_public_route_refuses_other_methods_as_a_problem(db: None, path: str, method: str) -> None:
    client = APIClient(enforce_csrf_checks=True)
    assert problem(client.generic(method, path)) == (405, "method-not-allowed")


@pytest.mark.parametrize("path", ["/api/projects", "/api/schema", "/api/auth/me"])
def test_an_unknown_media_type_is_not_acceptable(api: APIClient, path: str) -> None:
    assert problem(api.get(path, headers={"Accept": "text/html"})) == (406, "not-acceptable")


def test_an_error_is_json_for_a_client_that_accepts_none(api: APIClient) -> None:
    answer = api.get("/api/projects/77", headers={"Accept": "image/png"})
    assert problem(answer) == (406, "not-acceptable")


def test_a_client_may_ask_for_problems_alone(api: APIClient) -> None:
    answer = api.get("/api/projects/77", headers={"Accept": "application/problem+json"})
    assert problem(answer) == (404, "not-found")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_another_content_type_is_unsupported(api: APIClient, kind: str) -> None:
    assert problem(api.generic("POST", "/api/projects", "name=a", content_type=kind)) == UNSUPPORTED


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_not_strict_json_is_malformed(api: APIClient, body: str) -> None:
    answer = api.generic("POST", "/api/projects", body, content_type=JSON)
    if body == BROKEN["a number of ten thousand digits"]:
        assert answer.status_code in (400, 422)
    else:
        assert problem(answer) == (400, "malformed-json")


def test_an_escaped_nul_is_refused(api: APIClient) -> None:
    answer = api.post("/api/projects", {"name": "a\0b", "repositoryUrl": "https://git.example.com/a.git"})
    assert problem(answer) == (422, "validation-failed")


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "utf-32"])
def test_another_charset_is_malformed(api: APIClient, charset: str) -> None:
    body = '{"name": "é"}'.encode(charset)
    kind = f"{JSON}; charset={charset}"
    answer = api.generic("POST", "/api/projects", body, content_type=kind)  # type: ignore[arg-type]  # bytes do
    assert problem(answer) == (400, "malformed-json")


@pytest.mark.parametrize("action", ["start", "cancel"])
def test_an_action_without_a_body_refuses_a_broken_one(api: APIClient, run: Run, action: str) -> None:
    answer = api.generic("POST", f"/api/runs/{run.pk}/{action}", "{nonsense", content_type=JSON)
    assert problem(answer) == (400, "malformed-json")


def test_two_thousand_query_parameters_are_a_bad_request(api: APIClient) -> None:
    query = "&".join(f"a{number}=1" for number in range(2000))
    assert problem(api.get(f"/api/projects?{query}"))[0] == 400


def test_an_impossible_host_name_is_a_bad_request(api: APIClient) -> None:
    assert problem(api.get("/api/projects", headers={"Host": "a b"})) == (400, "bad-request")


def test_the_instance_is_the_path(api: APIClient) -> None:
    assert api.get("/api/projects/77?cursor=x").json()["instance"] == "/api/projects/77"


def test_the_base_of_the_type_is_a_param(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_API_ERROR_BASE_URL", "https://docs.example.com/errors/")
    assert api.get("/api/projects/77").json()["type"] == "https://docs.example.com/errors/not-found"


def _break_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {Project._meta.db_table} RENAME TO gone")


def test_a_failure_inside_tells_no_internals(api: APIClient, project: Project) -> None:
    _break_the_database()

    answer = api.get(f"/api/projects/{project.pk}")

    assert problem(answer) == (500, "internal-error")
    assert Project._meta.db_table not in answer.content.decode()


def test_a_failure_inside_gives_the_id_of_the_request(api: APIClient, project: Project) -> None:
    _break_the_database()

    answer = api.get(f"/api/projects/{project.pk}", headers={"X-Request-ID": "mine-1"})

    assert answer.json()["requestId"] == "mine-1"


def test_a_request_id_is_given_back(api: APIClient) -> None:
    assert api.get("/api/auth/me", headers={"X-Request-ID": "abc.DEF_1-2"}).headers["X-Request-ID"] == "abc.DEF_1-2"


def test_a_request_without_an_id_gets_one(api: APIClient) -> None:
    first, second = (api.get("/api/auth/me").headers["X-Request-ID"] for _ in range(2))
    assert first != second


@pytest.mark.parametrize("offered", ["a b", "x" * 65, "a\x1b[31m", "é", ""])
def test_a_request_id_that_could_harm_a_log_is_replaced(api: APIClient, offered: str) -> None:
    assert api.get("/api/auth/me", headers={"X-Request-ID": offered}).headers["X-Request-ID"] != offered


def test_an_unknown_path_has_a_request_id(db: None) -> None:
    assert APIClient().get("/api/nothing", headers={"X-Request-ID": "mine"}).headers["X-Request-ID"] == "mine"


@pytest.mark.django_db(transaction=True)
@pytest.mark.plumbing
def test_a_body_of_ten_megabytes_is_too_large(start_server: StartServer) -> None:
    server = start_server()
    body = json.dumps({"email": "a" * 10_000_000, "password": "b"}).encode()
    with httpx.Client(base_url=server.address, trust_env=False, timeout=30) as client:
        declared = client.post("/api/auth/token", content=body, headers={"Content-Type": JSON, "X-Request-ID": "mine"})
        chunks = client.post("/api/auth/token", content=iter([body]), headers={"Content-Type": JSON})

    assert problem(declared) == problem(chunks) == (413, "body-too-large")
    assert declared.headers["X-Request-ID"] == "mine"


def test_times_have_three_decimals_and_a_z(api: APIClient, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(created_at="2026-01-02T03:04:05+02:00")
    assert api.get(f"/api/projects/{project.pk}").json()["createdAt"] == "2026-01-02T01:04:05.000Z"


def test_nothing_of_a_refused_request_is_kept(make_user: MakeUser, make_api: MakeApi, db: None) -> None:
    person: User = make_user("b@example.com")
    problem(make_api(person).post("/api/projects", {"name": "a", "repositoryUrl": "nonsense"}))
    assert (Project.objects.count(), AccessToken.objects.count()) == (0, 1)
