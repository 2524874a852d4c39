"""POST /api/auth/elevate: a second, short-lived token for what the app's own may not do."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AccessToken, AuditEntry, User
from accounts.services import elevate, issue_token
from tests.config.answers import pointers, problem
from tests.conftest import MakeApi, MakeUser
from tests.serving import PASSWORD


@pytest.fixture
def phone(user: User, make_api: MakeApi) -> APIClient:
    """Anna's client with little."""
    return make_api(user, "projects:read")


@pytest.fixture
def operator(db: None, make_user: MakeUser, make_api: MakeApi) -> APIClient:
    """An operator's client with little."""
    return make_api(make_user("operator@example.com", is_staff=True), "settings:read")


def ask(client: APIClient, *abilities: str, **members: Any) -> Any:
    return client.post("/api/auth/elevate", {"password": PASSWORD, "abilities": abilities or ["git:push"], **members})


def bearer(answer: Any) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['token']}")
    return client


def test_an_elevated_token_has_the_callers_abilities_and_the_new_one(phone: APIClient) -> None:
    answer = ask(phone)
    assert (answer.status_code, answer.json()["abilities"]) == (201, ["projects:read", "git:push"])


def test_an_elevated_token_opens_doors(phone: APIClient) -> None:
    assert bearer(ask(phone)).get("/api/auth/me").status_code == 200


def test_a_wrong_password_elevates_nothing(phone: APIClient) -> None:
    assert problem(ask(phone, password="wrong")) == (403, "wrong-password")
    assert AccessToken.objects.count() == 1


def test_a_failed_elevation_is_audited(phone: APIClient, user: User) -> None:
    ask(phone, password="hunter2")
    entry = AuditEntry.objects.get(actor=user, action="elevation_failed")
    assert "hunter2" not in str(entry.detail)


def test_an_elevation_is_audited(phone: APIClient, user: User) -> None:
    ask(phone)
    assert AuditEntry.objects.get(actor=user, action="elevated").detail["abilities"] == ["git:push"]


def test_an_elevated_token_lives_fifteen_minutes(phone: APIClient) -> None:
    ask(phone)
    left = AccessToken.objects.get(parent__isnull=False).expires_at - timezone.now()
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)


def test_use_does_not_prolong_an_elevated_token(phone: APIClient) -> None:
    client = bearer(ask(phone))
    before = AccessToken.objects.get(parent__isnull=False).expires_at
    client.get("/api/auth/me")
    assert AccessToken.objects.get(parent__isnull=False).expires_at == before


@pytest.mark.parametrize("minutes", [1, 60])
def test_the_time_to_live_can_be_chosen(phone: APIClient, minutes: int) -> None:
    assert ask(phone, ttlMinutes=minutes).status_code == 201


@pytest.mark.parametrize(
    ("minutes", "code"),
    [
        (0, "min-value"),
        (61, "max-value"),
        (-5, "min-value"),
        ("15", "wrong-type"),
        (1.5, "wrong-type"),
        (True, "wrong-type"),
    ],
)
def test_the_time_to_live_has_bounds(phone: APIClient, minutes: Any, code: str) -> None:
    assert pointers(ask(phone, ttlMinutes=minutes)) == {"/ttlMinutes": code}


@pytest.mark.parametrize("ability", ["projects:write", "git:*", "*", "nonsense"])
def test_only_two_abilities_come_by_elevation(phone: APIClient, ability: str) -> None:
    assert pointers(ask(phone, ability)) == {"/abilities/0": "invalid-choice"}


def test_an_elevated_token_cannot_be_elevated(phone: APIClient) -> None:
    assert problem(ask(bearer(ask(phone)))) == (403, "missing-ability")


def test_settings_are_for_operators(phone: APIClient) -> None:
    assert problem(ask(phone, "settings:write")) == (403, "role-required")


def test_an_operator_gets_leave_to_change_settings(operator: APIClient) -> None:
    client = bearer(ask(operator, "settings:write"))
    assert client.put("/api/settings/server-params", {"git.clone_depth": 3}).status_code == 200


def test_an_elevated_token_ends_when_its_parent_signs_out(phone: APIClient) -> None:
    client = bearer(ask(phone))
    phone.post("/api/auth/logout")
    assert problem(client.get("/api/auth/me")) == (401, "unauthenticated")


def test_an_elevated_token_ends_when_its_parent_expires(user: User) -> None:
    parent, _ = issue_token(user, ["projects:read"])
    _, text = elevate(parent, PASSWORD, ["git:push"])
    AccessToken.objects.filter(pk=parent.pk).update(expires_at=timezone.now())
    assert APIClient().get("/api/auth/me", headers={"Authorization": f"Bearer {text}"}).status_code == 401


def test_an_elevated_token_ends_with_its_own_time(phone: APIClient) -> None:
    client = bearer(ask(phone))
    AccessToken.objects.filter(parent__isnull=False).update(expires_at=timezone.now())
    assert problem(client.get("/api/auth/me")) == (401, "unauthenticated")


def test_signing_out_with_an_elevated_token_leaves_its_parent(phone: APIClient) -> None:
    bearer(ask(phone)).post("/api/auth/logout")
    assert phone.get("/api/auth/me").status_code == 200


def test_an_elevation_needs_a_token(db: None) -> None:
    assert problem(ask(APIClient())) == (401, "unauthenticated")


def test_an_elevation_needs_its_members(phone: APIClient) -> None:
    answer = phone.post("/api/auth/elevate", {})
    assert pointers(answer) == {"/password": "required", "/abilities": "required"}


def test_the_answer_with_an_elevated_token_is_not_stored(phone: APIClient) -> None:
    assert ask(phone).headers["Cache-Control"] == "no-store"
