"""POST /api/auth/token and GET /api/auth/me."""

from rest_framework.test import APIClient

from accounts.models import AccessToken, User
from tests.serving import PASSWORD


def test_a_token_is_shown_once_and_kept_as_a_digest(user: User) -> None:
    answer = APIClient().post("/api/auth/token", {"email": "ANNA@example.com", "password": PASSWORD})

    assert answer.status_code == 201
    token_id, _, secret = answer.json()["token"].partition("|")
    assert secret not in AccessToken.objects.get(pk=token_id).secret_sha256


def test_a_token_opens_me(user: User) -> None:
    text = APIClient().post("/api/auth/token", {"email": user.email, "password": PASSWORD}).json()["token"]

    answer = APIClient().get("/api/auth/me", headers={"Authorization": f"Bearer {text}"})

    assert (answer.status_code, answer.json()["email"], answer.json()["isOperator"]) == (200, user.email, False)


def test_a_wrong_password_is_a_problem(user: User) -> None:
    answer = APIClient().post("/api/auth/token", {"email": user.email, "password": "wrong"})

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid-credentials")
    assert answer.headers["Content-Type"] == "application/problem+json"
