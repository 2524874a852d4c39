"""`bin/manage create_token`."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from accounts.models import AccessToken, AuditEntry, User


def create_token(*arguments: str) -> str:
    """What the command prints."""
    output = StringIO()
    call_command("create_token", *arguments, stdout=output)
    return output.getvalue().strip()


def abilities_of(text: str) -> list[str]:
    """What the API says that the token may do."""
    client = APIClient(headers={"Authorization": f"Bearer {text}"})
    found: list[str] = client.get("/api/auth/me").json()["abilities"]
    return found


def test_it_prints_a_token_that_works_and_nothing_else(user: User) -> None:
    assert "runs:start" in abilities_of(create_token(user.email))


def test_only_it_gives_the_ability_to_do_everything(user: User) -> None:
    assert abilities_of(create_token(user.email.upper(), "--ability", "*")) == ["*"]


def test_it_answers_json_when_asked(user: User) -> None:
    answer = json.loads(create_token(user.email, "--json", "--days", "3", "--ability", "projects:read"))
    assert answer["abilities"] == ["projects:read"]
    assert abilities_of(answer["token"]) == ["projects:read"]


def test_it_is_audited_without_the_token(user: User) -> None:
    text = create_token(user.email)
    entry = AuditEntry.objects.get(action="token_created")
    assert text.partition("|")[2] not in str(entry.detail)


@pytest.mark.parametrize("arguments", [("nobody@example.com",), ("anna@example.com", "--days", "0")])
def test_a_refusal_makes_no_token(user: User, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        create_token(*arguments)
    assert not AccessToken.objects.exists()


def test_somebody_who_may_not_sign_in_gets_none(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)
    with pytest.raises(CommandError, match="may sign in"):
        create_token(user.email)
