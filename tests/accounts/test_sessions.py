"""GET /api/auth/tokens and DELETE /api/auth/tokens/{token}: where a person is signed in."""

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.errors import InvalidCredentials
from accounts.models import AccessToken, AuditEntry, User
from accounts.queries import note_use
from accounts.services import elevate, issue_token, sign_in
from config.api.problems import Unauthenticated
from tests.config.answers import problem
from tests.conftest import MakeUser, all_at_once
from tests.serving import PASSWORD


def bearer(text: str) -> APIClient:
    return APIClient(headers={"Authorization": f"Bearer {text}"})


def sessions(client: APIClient, query: str = "") -> Any:
    return client.get(f"/api/auth/tokens{query}").json()["data"]


def test_a_session_is_shown_with_what_it_may_and_when_it_was_used(user: User) -> None:
    token, text = issue_token(user, ["projects:read"], name="Anna's iPhone")
    client = bearer(text)
    client.get("/api/auth/me")
    token.refresh_from_db()
    (shown,) = sessions(client)
    times = {name: shown.pop(name) for name in ("createdAt", "lastUsedAt", "expiresAt")}
    assert shown == {
        "id": token.pk,
        "name": "Anna's iPhone",
        "abilities": ["projects:read"],
        "isCurrent": True,
        "elevated": [],
    }
    assert all(value.endswith("Z") for value in times.values())


def test_sessions_are_listed_newest_first_and_the_one_that_asks_is_marked(user: User) -> None:
    texts = [issue_token(user, ["projects:read"], name=name)[1] for name in ("old", "middle", "new")]
    found = [(each["name"], each["isCurrent"]) for each in sessions(bearer(texts[1]))]
    assert found == [("new", False), ("middle", True), ("old", False)]


def test_elevated_tokens_stand_under_their_parent(user: User) -> None:
    parent, _ = issue_token(user, ["projects:read"])
    child, child_text = elevate(parent, PASSWORD, ["git:push"])
    (shown,) = sessions(bearer(child_text))
    assert (shown["id"], shown["isCurrent"]) == (parent.pk, False)
    assert [(each["id"], each["isCurrent"]) for each in shown["elevated"]] == [(child.pk, True)]
    assert shown["elevated"][0]["abilities"] == ["projects:read", "git:push"]


def test_tokens_that_are_over_are_not_listed(user: User, api: APIClient) -> None:
    issue_token(user, ["projects:read"], lifetime=timedelta(seconds=-1))
    assert len(sessions(api)) == 1


def test_sessions_of_others_are_not_listed(user: User, api: APIClient, stranger: APIClient) -> None:
    assert len(sessions(api)) == 1


def test_no_secret_is_shown(user: User, api: APIClient) -> None:
    token = AccessToken.objects.get()
    assert token.secret_sha256 not in api.get("/api/auth/tokens").content.decode()


def test_sessions_come_by_pages(user: User, api: APIClient) -> None:
    issue_token(user, ["projects:read"])
    page = api.get("/api/auth/tokens?limit=1").json()
    rest = api.get(f"/api/auth/tokens?limit=1&cursor={page['meta']['nextCursor']}").json()
    assert (len(page["data"]), len(rest["data"]), rest["meta"]["nextCursor"]) == (1, 1, None)


def test_the_list_takes_as_many_queries_for_many_sessions(
    user: User, api: APIClient, django_assert_max_num_queries: Any
) -> None:
    api.get("/api/auth/me")
    for _ in range(5):
        elevate(issue_token(user, ["projects:read"])[0], PASSWORD, ["git:push"])
    with django_assert_max_num_queries(4):  # who asks, the limit, sessions, elevated ones
        sessions(api)


def test_a_session_is_ended(user: User, api: APIClient) -> None:
    token, text = issue_token(user, ["projects:read"])
    assert api.delete(f"/api/auth/tokens/{token.pk}").status_code == 204
    assert problem(bearer(text).get("/api/auth/me")) == (401, "unauthenticated")
    assert api.get("/api/auth/me").status_code == 200


def test_the_elevated_tokens_of_an_ended_session_end(user: User, api: APIClient) -> None:
    token, _ = issue_token(user, ["projects:read"])
    _, text = elevate(token, PASSWORD, ["git:push"])
    api.delete(f"/api/auth/tokens/{token.pk}")
    assert bearer(text).get("/api/auth/me").status_code == 401


def test_an_elevated_token_is_ended_alone(user: User, api: APIClient) -> None:
    token, text = issue_token(user, ["projects:read"])
    child, _ = elevate(token, PASSWORD, ["git:push"])
    assert api.delete(f"/api/auth/tokens/{child.pk}").status_code == 204
    assert bearer(text).get("/api/auth/me").status_code == 200


def test_ending_the_session_that_asks_signs_out(user: User, api: APIClient) -> None:
    assert api.delete(f"/api/auth/tokens/{AccessToken.objects.get().pk}").status_code == 204
    assert api.get("/api/auth/me").status_code == 401


def test_a_session_of_somebody_else_is_not_found(user: User, api: APIClient, make_user: MakeUser) -> None:
    token, text = issue_token(make_user("bert@example.com"), ["projects:read"])
    assert problem(api.delete(f"/api/auth/tokens/{token.pk}")) == (404, "not-found")
    assert bearer(text).get("/api/auth/me").status_code == 200


def test_an_ended_session_is_not_found(user: User, api: APIClient) -> None:
    token, _ = issue_token(user, ["projects:read"])
    assert [api.delete(f"/api/auth/tokens/{token.pk}").status_code for _ in range(2)] == [204, 404]


def test_ending_a_session_is_audited(user: User, api: APIClient) -> None:
    token, _ = issue_token(user, ["projects:read"], name="Lost phone")
    api.delete(f"/api/auth/tokens/{token.pk}")
    entry = AuditEntry.objects.get(actor=user, action="token_revoked")
    assert entry.detail == {"token_id": token.pk, "name": "Lost phone"}


def test_a_console_session_sees_the_list_and_ends_nothing(user: User) -> None:
    token, _ = issue_token(user, ["projects:read"])
    browser = APIClient()
    browser.force_login(user)
    assert [each["isCurrent"] for each in sessions(browser)] == [False]
    assert browser.delete(f"/api/auth/tokens/{token.pk}").status_code == 401


@pytest.mark.django_db
def test_a_token_that_has_been_revoked_meanwhile_is_not_elevated(user: User) -> None:
    token, _ = issue_token(user, ["projects:read"])
    AccessToken.objects.filter(pk=token.pk).end()
    with pytest.raises(Unauthenticated):
        elevate(token, PASSWORD, ["git:push"])
    assert not AccessToken.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_no_token_outlives_a_new_password_set_while_people_sign_in(make_user: MakeUser) -> None:
    make_user("anna@example.com")

    def work(number: int) -> None:
        if number == 3:
            changed = User.objects.get()
            changed.set_password("another-long-password")
            changed.save()
            return
        with contextlib.suppress(InvalidCredentials):  # whoever comes second is refused
            sign_in("anna@example.com", PASSWORD)

    all_at_once(8, work)
    assert not AccessToken.objects.exists()


def test_of_many_requests_at_once_one_writes_the_time_of_use(user: User) -> None:
    token, _ = issue_token(user, ["projects:read"])
    as_another_request_saw_it = AccessToken.objects.get()
    note_use(token)
    noted = AccessToken.objects.get().last_used_at
    note_use(as_another_request_saw_it)
    assert AccessToken.objects.get().last_used_at == noted
