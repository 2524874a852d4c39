"""Rate limits (contract, section 3): groups, headers, 429, exactness among threads."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import RequestFactory, override_settings
from django_ratelimit.core import _get_window
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services import issue_token
from config.api.throttle import ANY_ADDRESS, client_address
from projects.models import Project
from runs.models import Run
from settings_params.registry import PARAMS
from tests.config.answers import problem
from tests.conftest import MakeApi, MakeUser, all_at_once

POLICY = re.compile(r'"([a-z:]+)";q=(\d+);w=60')
STATE = re.compile(r'"([a-z:]+)";r=(\d+);t=(\d+)')


def state(answer: Any) -> tuple[str, int]:
    """The group and what remains of it."""
    match = STATE.fullmatch(answer.headers["RateLimit"])
    assert match is not None, answer.headers["RateLimit"]
    return match[1], int(match[2])


def limit(monkeypatch: pytest.MonkeyPatch, name: str, value: int) -> None:
    monkeypatch.setenv(f"QUARTERDECK_PARAM_LIMITS_{name.upper()}_PER_MINUTE", str(value))


MakeUnhurried = Callable[[], User]


@pytest.fixture
def make_unhurried(make_user: MakeUser) -> MakeUnhurried:
    """Makes people whose present minute will not end before the test does."""

    def make() -> User:
        for number in range(100):
            made = make_user(f"unhurried{number}@example.com", is_staff=True)
            if _get_window(str(made.pk), 60) - time.time() > 25:
                return made
        raise AssertionError("nobody has time")

    return make


@pytest.fixture
def unhurried(db: None, make_unhurried: MakeUnhurried) -> User:
    return make_unhurried()


@pytest.mark.parametrize(
    ("key", "default"),
    [
        ("limits.default_per_minute", 60),
        ("limits.run_start_per_minute", 6),
        ("limits.stream_opens_per_minute", 30),
        ("limits.settings_writes_per_minute", 20),
        ("limits.logins_per_minute", 5),
    ],
)
def test_the_limits_are_params_with_the_contracts_defaults(key: str, default: int) -> None:
    assert PARAMS[key].default == default


def test_sixty_requests_a_minute_pass_and_the_next_is_rate_limited(unhurried: User, make_api: MakeApi) -> None:
    client = make_api(unhurried)
    assert {client.get("/api/auth/me").status_code for _ in range(60)} == {200}
    assert problem(client.get("/api/auth/me")) == (429, "rate-limited")


def test_after_as_many_seconds_as_retry_after_says_the_window_is_over(
    unhurried: User, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch, limits_clock: float
) -> None:
    limit(monkeypatch, "default", 1)
    client = make_api(unhurried)
    client.get("/api/auth/me")
    seconds = int(client.get("/api/auth/me").headers["Retry-After"])
    assert 0 < seconds <= 61
    assert limits_clock + seconds - 2 <= _get_window(str(unhurried.pk), 60) < limits_clock + seconds


def test_limits_are_for_each_person(unhurried: User, stranger: APIClient, make_api: MakeApi, monkeypatch: Any) -> None:
    limit(monkeypatch, "default", 1)
    client = make_api(unhurried)
    client.get("/api/auth/me")
    assert client.get("/api/auth/me").status_code == 429
    assert stranger.get("/api/auth/me").status_code == 200


def test_all_tokens_of_a_person_and_their_console_session_count_together(
    unhurried: User, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, "default", 2)
    browser = APIClient()
    browser.force_login(unhurried)
    answers = [client.get("/api/auth/me") for client in (make_api(unhurried), make_api(unhurried), browser)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


def test_an_answer_tells_the_policy_and_what_remains(unhurried: User, make_api: MakeApi) -> None:
    answer = make_api(unhurried).get("/api/auth/me")
    policy, left = POLICY.fullmatch(answer.headers["RateLimit-Policy"]), STATE.fullmatch(answer.headers["RateLimit"])
    assert policy is not None
    assert left is not None
    assert (policy.groups(), left.groups()[:2]) == (("default", "60"), ("default", "59"))
    assert 25 < int(left[3]) <= 61


@pytest.mark.parametrize(
    ("method", "path", "status_code"),
    [
        ("get", "/api/auth/me", 200),
        ("get", "/api/projects?colour=red", 400),
        ("put", "/api/settings/server-params", 403),
        ("get", "/api/projects/999999", 404),
        ("patch", "/api/projects", 405),
        ("post", "/api/projects", 422),
        ("post", "/api/auth/logout", 204),
    ],
)
def test_every_answer_to_a_signed_in_caller_has_the_headers(
    user: User, make_api: MakeApi, method: str, path: str, status_code: int
) -> None:
    answer = getattr(make_api(user, "projects:*"), method)(path)
    assert answer.status_code == status_code
    assert POLICY.fullmatch(answer.headers["RateLimit-Policy"])
    assert STATE.fullmatch(answer.headers["RateLimit"])


def test_a_refusal_has_the_headers_too(unhurried: User, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, "default", 1)
    client = make_api(unhurried)
    client.get("/api/auth/me")
    assert state(client.get("/api/auth/me")) == ("default", 0)


def test_what_no_route_or_form_fits_has_the_headers(user: User, make_api: MakeApi) -> None:
    answer = make_api(user).get("/api/projects", headers={"Accept": "image/png"})
    assert (answer.status_code, state(answer)[0]) == (406, "default")


def test_a_caller_without_a_token_gets_401_and_is_not_counted(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, "default", 1)
    answers = [APIClient().get("/api/auth/me") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {401}
    assert "RateLimit" not in answers[0].headers


def test_a_403_counts(unhurried: User, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, "default", 1)
    client = make_api(unhurried, "settings:read")
    assert [client.get("/api/projects").status_code for _ in range(2)] == [403, 429]


def test_public_routes_are_not_counted(db: None) -> None:
    assert "RateLimit" not in APIClient().get("/api/schema").headers


def test_a_start_counts_as_a_start_and_as_nothing_else(
    unhurried: User, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, "run_start", 2)
    client = make_api(unhurried)
    answers = [client.post("/api/runs/999999/start") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert [state(answer) for answer in answers] == [("runs:start", 1), ("runs:start", 0), ("runs:start", 0)]
    assert state(client.get("/api/auth/me")) == ("default", 59)


@pytest.mark.parametrize(
    ("start", "group"), [(True, "runs:start"), (False, "default"), (None, "default"), ("true", "default")]
)
def test_creating_a_run_counts_as_a_start_when_it_is_one(
    project: Project, api: APIClient, start: Any, group: str
) -> None:
    answer = api.post("/api/runs", {"projectId": project.pk, "title": "Try", "prompt": "Hello.", "start": start})
    assert state(answer)[0] == group


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"start":', b"\xff\xff", b'"start"', b"[" * 100_000])
def test_a_run_that_cannot_be_read_is_still_a_problem_of_the_body(api: APIClient, body: bytes) -> None:
    generic: Any = api.generic  # takes bytes, whatever its stubs say
    answer = generic("POST", "/api/runs", body, content_type="application/json")
    assert (answer.status_code in (400, 422), state(answer)[0]) == (True, "default")


def test_six_starts_a_minute_pass(unhurried: User, make_api: MakeApi, run: Run) -> None:
    client = make_api(unhurried)
    statuses = [client.post(f"/api/runs/{run.pk}/start").status_code for _ in range(7)]
    assert (statuses.count(202), statuses[-1]) == (1, 429)


def test_settings_writes_have_a_group_of_their_own(
    unhurried: User, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, "settings_writes", 1)
    client = make_api(unhurried)
    answers = [client.put("/api/settings/server-params", {"git.clone_depth": depth}) for depth in (1, 2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert state(client.get("/api/settings/server-params"))[0] == "default"


def test_a_refused_request_changes_nothing(unhurried: User, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, "default", 1)
    client = make_api(unhurried)
    body = {"name": "Sample", "repositoryUrl": "https://git.example.com/sample.git"}
    assert [client.post("/api/projects", body).status_code for _ in range(2)] == [201, 429]
    assert Project.objects.count() == 1


def test_a_limit_that_an_operator_changes_holds_at_once(unhurried: User, make_api: MakeApi) -> None:
    client = make_api(unhurried)
    client.put("/api/settings/server-params", {"limits.default_per_minute": 7})
    assert "q=7" in client.get("/api/auth/me").headers["RateLimit-Policy"]


@pytest.mark.django_db(transaction=True)
def test_of_a_hundred_requests_at_once_exactly_sixty_pass(make_unhurried: MakeUnhurried) -> None:
    _, text = issue_token(make_unhurried(), ["projects:read"])

    def ask(_: int) -> int:
        return int(APIClient(headers={"Authorization": f"Bearer {text}"}).get("/api/auth/me").status_code)

    statuses = all_at_once(100, ask)
    assert (statuses.count(200), statuses.count(429)) == (60, 40)


def test_a_counter_of_many_callers_is_not_forgotten(unhurried: User, make_api: MakeApi) -> None:
    client = make_api(unhurried)
    client.get("/api/auth/me")
    for number in range(1000):
        cache.add(f"somebody-{number}", 1)
    assert state(client.get("/api/auth/me")) == ("default", 58)


def address(**meta: str) -> str:
    return client_address(RequestFactory().get("/", **meta))  # type: ignore[arg-type]


@pytest.mark.parametrize("forwarded", ["8.8.8.8", "1.1.1.1, 8.8.8.8"])
def test_a_forwarded_address_is_not_believed_without_a_proxy(forwarded: str) -> None:
    assert address(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded) == "10.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("6.6.6.6, 8.8.8.8", "8.8.8.8"),
        ("8.8.8.8:4711", "8.8.8.8"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("6.6.6.6,", "10.0.0.1"),
        ("unknown", "10.0.0.1"),
        ("8.8.8.8 and more", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
@override_settings(IS_BEHIND_PROXY=True)
def test_behind_a_proxy_the_last_hop_is_the_caller(forwarded: str, expected: str) -> None:
    assert address(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded) == expected


def test_a_caller_on_a_unix_socket_has_a_place_too() -> None:
    assert address(REMOTE_ADDR="") == ANY_ADDRESS
