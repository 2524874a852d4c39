"""GET and PUT /api/settings/server-params."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from config.api.params import read
from settings_params.models import ServerParam
from settings_params.queries import warn_of_unknown_names
from settings_params.registry import PARAMS
from settings_params.shapes import changes_schema
from tests.config.answers import pointers, problem
from tests.config.described import DOCUMENT
from tests.conftest import MakeApi, MakeUser

PATH = "/api/settings/server-params"
PUSH = "safety.auto_git_push"
PUSH_VARIABLE = "QUARTERDECK_PARAM_SAFETY_AUTO_GIT_PUSH"
CLOSED = [key for key, param in PARAMS.items() if not param.remote]


def shown(client: APIClient, key: str) -> dict[str, Any]:
    """One row of the list."""
    rows: list[dict[str, Any]] = client.get(PATH).json()["data"]
    return next(row for row in rows if row["key"] == key)


def test_every_param_is_listed(operator: APIClient) -> None:
    assert [row["key"] for row in operator.get(PATH, {"limit": 200}).json()["data"]] == list(PARAMS)


def test_a_param_tells_all_about_itself(api: APIClient) -> None:
    row = shown(api, "runs.time_limit_minutes")
    assert row.pop("description")
    assert row == {
        "key": "runs.time_limit_minutes",
        "group": "runs",
        "type": "int",
        "value": 120,
        "default": 120,
        "source": "default",
        "isSecret": False,
        "isSet": False,
        "constraints": {"minimum": 1, "maximum": 10_080, "remotelySettable": True},
    }


def test_an_operator_sets_a_param(operator: APIClient) -> None:
    assert operator.put(PATH, {PUSH: True}).status_code == 200
    assert read(PUSH) is True


def test_the_answer_has_the_new_value(operator: APIClient) -> None:
    rows = operator.put(PATH, {"git.author_name": "Deck"}).json()["data"]
    row = next(row for row in rows if row["key"] == "git.author_name")
    assert (row["value"], row["source"], row["isSet"]) == ("Deck", "database", True)


def test_the_answer_has_every_param_in_one_page(operator: APIClient) -> None:
    answer = operator.put(PATH, {PUSH: True}).json()
    assert ([row["key"] for row in answer["data"]], answer["meta"]) == (list(PARAMS), {"nextCursor": None})


def test_a_change_takes_no_page_parameters(operator: APIClient) -> None:
    assert problem(operator.put(f"{PATH}?limit=5", {PUSH: True})) == (400, "invalid-parameter")
    described = DOCUMENT["paths"][PATH]["put"]["parameters"]
    assert not {"cursor", "limit"}.intersection(each.get("name") for each in described)


def test_null_resets_a_param(operator: APIClient) -> None:
    operator.put(PATH, {PUSH: True})
    operator.put(PATH, {PUSH: None})
    assert (shown(operator, PUSH)["value"], shown(operator, PUSH)["source"]) == (False, "default")


def test_a_change_is_audited_by_its_keys(operator: APIClient) -> None:
    operator.put(PATH, {"git.author_name": "Deck"})
    entry = AuditEntry.objects.get(action="params_changed")
    assert entry.detail == {"keys": ["git.author_name"], "remote": True}


def test_a_person_who_is_no_operator_changes_nothing(api: APIClient) -> None:
    assert problem(api.put(PATH, {PUSH: True})) == (403, "role-required")
    assert not ServerParam.objects.exists()


def test_an_operator_needs_the_ability_too(make_user: MakeUser, make_api: MakeApi, db: None) -> None:
    client = make_api(make_user("op@example.com", is_staff=True), "settings:read")
    assert problem(client.put(PATH, {PUSH: True})) == (403, "missing-ability")


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        (PUSH, "true", "invalid-type"),
        (PUSH, 1, "invalid-type"),
        (PUSH, [], "invalid-type"),
        ("runs.concurrency", True, "invalid-type"),
        ("runs.concurrency", "2", "invalid-type"),
        ("runs.concurrency", 2.5, "invalid-type"),
        ("runs.concurrency", 0, "out-of-range"),
        ("runs.concurrency", 65, "out-of-range"),
        ("runs.concurrency", 10**18, "out-of-range"),
        ("git.clone_depth", -1, "out-of-range"),
        ("git.author_name", 5, "invalid-type"),
        ("git.author_name", {}, "invalid-type"),
        ("git.author_name", "x" * 501, "invalid-text"),
        ("git.author_name", "a\nb", "invalid-text"),
        ("git.author_name", "a\0", "invalid-text"),
        ("safety.nonsense", True, "unknown-member"),
        ("safety_auto_git_push", True, "unknown-member"),
        ("Safety.auto_git_push", True, "unknown-member"),
    ],
)
def test_a_value_that_does_not_fit_is_pointed_at(operator: APIClient, key: str, value: Any, code: str) -> None:
    assert pointers(operator.put(PATH, {key: value})) == {f"/{key}": code}


def test_a_pointer_escapes_a_slash(operator: APIClient) -> None:
    assert pointers(operator.put(PATH, {"a/b~c": 1})) == {"/a~1b~0c": "unknown-member"}


@pytest.mark.parametrize(("key", "value"), [("runs.concurrency", 1), ("runs.concurrency", 64), ("git.clone_depth", 0)])
def test_the_bounds_themselves_fit(operator: APIClient, key: str, value: int) -> None:
    assert operator.put(PATH, {key: value}).status_code == 200


def test_all_of_a_change_or_nothing(operator: APIClient) -> None:
    answer = operator.put(PATH, {PUSH: True, "runs.concurrency": 0, "x.y": 1})
    assert pointers(answer) == {"/runs.concurrency": "out-of-range", "/x.y": "unknown-member"}
    assert not ServerParam.objects.exists()


@pytest.mark.parametrize("key", CLOSED)
def test_what_means_code_execution_is_not_remotely_settable(operator: APIClient, key: str) -> None:
    assert problem(operator.put(PATH, {PUSH: True, key: True})) == (403, "not-remotely-settable")
    assert not ServerParam.objects.exists()


def test_what_means_code_execution_is_no_member_of_a_change() -> None:
    assert changes_schema()["properties"].keys() == PARAMS.keys() - set(CLOSED)


def test_what_means_code_execution_is_not_even_reset_remotely(operator: APIClient) -> None:
    assert problem(operator.put(PATH, {CLOSED[0]: None})) == (403, "not-remotely-settable")


@pytest.mark.parametrize("body", [[], "x", 5, True])
def test_a_change_is_an_object(operator: APIClient, body: Any) -> None:
    assert pointers(operator.put(PATH, body, format="json")) == {"": "not-an-object"}


def test_the_environment_goes_over_the_default(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PUSH_VARIABLE, "true")
    assert (shown(api, PUSH)["value"], shown(api, PUSH)["source"]) == (True, "environment")


def test_the_database_goes_over_the_environment(operator: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PUSH_VARIABLE, "true")
    operator.put(PATH, {PUSH: False})
    assert (shown(operator, PUSH)["value"], shown(operator, PUSH)["source"], read(PUSH)) == (False, "database", False)


def test_a_reset_gives_the_environment_back(operator: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PUSH_VARIABLE, "true")
    operator.put(PATH, {PUSH: False})
    operator.put(PATH, {PUSH: None})
    assert read(PUSH) is True


@pytest.mark.parametrize("text", ["yes", "TRUE", "1", "", "NaN"])
def test_an_environment_value_that_does_not_fit_is_warned_about_and_ignored(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    monkeypatch.setenv(PUSH_VARIABLE, text)
    assert read(PUSH) is False
    assert PUSH_VARIABLE in caplog.text


def test_an_unknown_environment_name_is_warned_about(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_AUTOGITPUSH", "a-value")
    warn_of_unknown_names.__wrapped__()
    assert "QUARTERDECK_PARAM_SAFETY_AUTOGITPUSH" in caplog.text
    assert "a-value" not in caplog.text


def test_an_unknown_key_is_a_mistake_of_the_code(db: None) -> None:
    with pytest.raises(KeyError):
        read("safety.nonsense")


def test_an_environment_name_is_the_key_in_capitals() -> None:
    assert PARAMS[PUSH].environment_name == PUSH_VARIABLE


def test_no_two_params_share_an_environment_name() -> None:
    assert len({param.environment_name for param in PARAMS.values()}) == len(PARAMS)


def test_the_default_of_a_param_fits_it() -> None:
    assert all(param.is_secret or param.check(param.default) == param.default for param in PARAMS.values())


def test_the_setter_is_kept(operator: APIClient) -> None:
    operator.put(PATH, {PUSH: True})
    assert ServerParam.objects.get().updated_by == User.objects.get(email="operator@example.com")
