"""Bearer tokens: which are taken, for how long, and what they may do."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AccessToken, AuditEntry, User
from accounts.services import issue_token
from projects.models import Project
from tests.config.answers import problem
from tests.conftest import MakeApi
from tests.runs.test_recorder_flood import impatient, locked
from tests.serving import PASSWORD

__all__ = ["impatient"]  # a fixture


def sign_in(user: User, **members: Any) -> Any:
    return APIClient().post("/api/auth/token", {"email": user.email, "password": PASSWORD, **members})


def me(text: str) -> Any:
    return APIClient().get("/api/auth/me", headers={"Authorization": f"Bearer {text}"})


def test_a_new_token_lives_ninety_days(user: User) -> None:
    sign_in(user)
    left = AccessToken.objects.get().expires_at - timezone.now()
    assert timedelta(days=89, hours=23) < left <= timedelta(days=90)


def test_a_token_has_the_default_abilities(user: User) -> None:
    expected = ["projects:*", "runs:start", "runs:control", "git:commit", "settings:read"]
    assert sign_in(user).json()["abilities"] == expected


def test_a_token_can_be_narrowed(user: User) -> None:
    text = sign_in(user, abilities=["projects:read"]).json()["token"]
    assert me(text).json()["abilities"] == ["projects:read"]


def test_a_narrowed_token_may_do_no_more(user: User) -> None:
    text = sign_in(user, abilities=["projects:read"]).json()["token"]
    answer = APIClient().post("/api/projects", {}, headers={"Authorization": f"Bearer {text}"})
    assert (problem(answer), answer.json()["requiredAbility"]) == ((403, "missing-ability"), "projects:write")


@pytest.mark.parametrize("ability", ["git:push", "settings:write", "git:*", "settings:*", "runs:*", "*"])
def test_more_than_the_default_needs_elevation(user: User, ability: str) -> None:
    if ability == "runs:*":
        assert sign_in(user, abilities=[ability]).status_code == 201  # both of its abilities are in the default
    else:
        assert problem(sign_in(user, abilities=["projects:read", ability])) == (403, "elevation-required")


def test_a_wrong_password_is_told_before_missing_elevation(user: User) -> None:
    assert problem(sign_in(user, password="wrong", abilities=["git:push"])) == (401, "invalid-credentials")


def test_an_unknown_address_gets_the_answer_of_a_wrong_password(user: User) -> None:
    wrong = sign_in(user, password="wrong")
    unknown = sign_in(user, email="nobody@example.com")
    assert unknown.json() == wrong.json()


def test_a_disabled_person_gets_the_answer_of_a_wrong_password(user: User) -> None:
    wrong = sign_in(user, password="wrong")
    User.objects.update(is_active=False)
    assert sign_in(user).json() == wrong.json()


def test_an_address_with_a_nul_is_refused(user: User) -> None:
    assert problem(sign_in(user, email="a\0@example.com")) == (422, "validation-failed")


def test_spaces_in_a_password_count(user: User) -> None:
    assert problem(sign_in(user, password=f" {PASSWORD}")) == (401, "invalid-credentials")


def test_the_answer_with_a_token_is_not_stored(user: User) -> None:
    assert sign_in(user).headers["Cache-Control"] == "no-store"


def test_a_token_is_named_after_its_device(user: User) -> None:
    sign_in(user, deviceName="Anna's iPhone")
    assert AccessToken.objects.get().name == "Anna's iPhone"


def test_signing_in_is_audited(user: User) -> None:
    sign_in(user)
    assert AuditEntry.objects.filter(actor=user, action="signed_in").exists()


def test_a_failed_sign_in_is_audited_without_the_password(user: User) -> None:
    sign_in(user, password="hunter2-hunter2")
    entry = AuditEntry.objects.get(action="sign_in_failed")
    assert "hunter2" not in str(entry.detail)


def test_a_failed_sign_in_makes_no_token(user: User) -> None:
    sign_in(user, password="wrong")
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer |",
        "Bearer 1|",
        "Bearer |secret",
        "Bearer -1|secret",
        "Bearer \u0661|secret",
        "Bearer 1|sécret",
        f"Bearer {'9' * 40}|secret",
        f"Bearer {'9' * 18}|secret",
        "Bearer 1|secret\0",
        "Basic YTpi",
        "Token 1|secret",
        "1|secret",
    ],
)
def test_a_malformed_authorization_is_unauthenticated(user: User, header: str) -> None:
    answer = APIClient().get("/api/auth/me", headers={"Authorization": header})
    assert (problem(answer), answer.headers["WWW-Authenticate"]) == ((401, "unauthenticated"), "Bearer")


def test_a_request_without_a_token_is_unauthenticated(db: None) -> None:
    answer = APIClient().get("/api/auth/me")
    assert (problem(answer), answer.headers["WWW-Authenticate"]) == ((401, "unauthenticated"), "Bearer")


def test_the_scheme_is_read_in_any_case(user: User) -> None:
    _, text = issue_token(user, ["projects:read"])
    assert APIClient().get("/api/auth/me", headers={"Authorization": f"bEARER {text}"}).status_code == 200


def test_a_token_in_the_address_is_not_read(user: User) -> None:
    _, text = issue_token(user, ["projects:read"])
    assert APIClient().get("/api/auth/me", {"token": text}).status_code == 401


def test_another_tokens_secret_does_not_fit(user: User) -> None:
    (first, _), (_, text) = issue_token(user, ["projects:read"]), issue_token(user, ["projects:read"])
    assert problem(me(f"{first.pk}|{text.partition('|')[2]}")) == (401, "unauthenticated")


def test_the_digest_of_a_secret_is_no_secret(user: User) -> None:
    token, _ = issue_token(user, ["projects:read"])
    assert me(f"{token.pk}|{token.secret_sha256}").status_code == 401


def test_an_expired_token_is_refused(user: User) -> None:
    _, text = issue_token(user, ["projects:read"], lifetime=timedelta(seconds=-1))
    assert problem(me(text)) == (401, "unauthenticated")


def test_a_disabled_persons_tokens_die_at_once(user: User) -> None:
    _, text = issue_token(user, ["projects:read"])
    User.objects.update(is_active=False)
    assert problem(me(text)) == (401, "unauthenticated")


def test_the_token_of_a_deleted_person_is_refused(user: User) -> None:
    _, text = issue_token(user, ["projects:read"])
    user.delete()
    assert problem(me(text)) == (401, "unauthenticated")


def test_use_is_noted(user: User) -> None:
    _, text = issue_token(user, ["projects:read"])
    me(text)
    used = AccessToken.objects.get().last_used_at
    assert used is not None
    assert timezone.now() - used < timedelta(minutes=1)


def test_use_is_noted_at_most_once_a_minute(user: User) -> None:
    token, text = issue_token(user, ["projects:read"])
    moment = timezone.now() - timedelta(seconds=50)
    AccessToken.objects.filter(pk=token.pk).update(last_used_at=moment)
    me(text)
    assert AccessToken.objects.get().last_used_at == moment


def test_use_is_noted_again_after_a_minute(user: User) -> None:
    token, text = issue_token(user, ["projects:read"])
    moment = timezone.now() - timedelta(seconds=61)
    AccessToken.objects.filter(pk=token.pk).update(last_used_at=moment)
    me(text)
    assert AccessToken.objects.get().last_used_at != moment


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("impatient")
def test_a_request_is_answered_while_its_use_cannot_be_noted(user: User) -> None:
    token, text = issue_token(user, ["projects:read"])
    with locked(token):
        assert me(text).status_code == 200
    token.refresh_from_db()
    assert token.last_used_at is None
    me(text)
    token.refresh_from_db()
    assert token.last_used_at is not None


def test_use_lets_a_token_live_on(user: User) -> None:
    token, text = issue_token(user, ["projects:read"], lifetime=timedelta(days=1))
    me(text)
    token.refresh_from_db()
    assert token.expires_at > timezone.now() + timedelta(days=89)


def test_signing_out_ends_the_token(user: User, make_api: MakeApi) -> None:
    client = make_api(user)
    assert client.post("/api/auth/logout").status_code == 204
    assert problem(client.get("/api/auth/me")) == (401, "unauthenticated")


def test_signing_out_leaves_other_tokens(user: User, make_api: MakeApi) -> None:
    staying = make_api(user)
    make_api(user).post("/api/auth/logout")
    assert staying.get("/api/auth/me").status_code == 200


def test_signing_out_needs_no_ability(user: User, make_api: MakeApi) -> None:
    assert make_api(user, "settings:read").post("/api/auth/logout").status_code == 204


def test_a_console_session_may_read(user: User, project: Project) -> None:
    client = APIClient()
    client.force_login(user)
    assert client.get(f"/api/projects/{project.pk}").status_code == 200


def test_a_console_session_may_only_read(user: User) -> None:
    client = APIClient()
    client.force_login(user)
    assert client.get("/api/auth/me").json()["abilities"] == ["projects:read", "settings:read"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_console_session_changes_nothing(user: User, project: Project, method: str) -> None:
    client = APIClient()
    client.force_login(user)
    path = "/api/projects" if method == "POST" else f"/api/projects/{project.pk}"
    assert problem(client.generic(method, path, "{}", content_type="application/json")) == (401, "unauthenticated")


def test_a_console_session_of_a_disabled_person_is_refused(user: User) -> None:
    client = APIClient()
    client.force_login(user)
    User.objects.update(is_active=False)
    assert problem(client.get("/api/auth/me")) == (401, "unauthenticated")


def test_a_bad_token_is_not_covered_by_a_session(user: User) -> None:
    client = APIClient()
    client.force_login(user)
    assert client.get("/api/auth/me", headers={"Authorization": "Bearer 1|x"}).status_code == 401
