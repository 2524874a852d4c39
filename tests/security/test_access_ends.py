"""When a password or a role changes, what was granted before ends."""

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import override_settings
from rest_framework.test import APIClient

from accounts.models import AccessToken, User
from accounts.services import elevate, issue_token
from projects.models import Project
from runs.stream.log import audience_of
from tests.conftest import MakeUser
from tests.serving import PASSWORD

pytestmark = pytest.mark.django_db


def test_a_new_password_ends_every_token_of_the_person(user: User) -> None:
    token, _ = issue_token(user, ["projects:*"])
    elevate(token, PASSWORD, ["git:push"])
    user.set_password("another-long-password")
    user.save()
    assert not AccessToken.objects.filter(user=user).exists()


def test_a_new_password_leaves_the_tokens_of_others(user: User, make_user: MakeUser) -> None:
    issue_token(make_user("bert@example.com"), ["projects:*"])
    user.set_password("another-long-password")
    user.save()
    assert AccessToken.objects.count() == 1


@override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.PBKDF2PasswordHasher"])
def test_a_hash_that_is_upgraded_at_sign_in_ends_no_token(user: User, api: APIClient) -> None:
    weak = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1000)
    User.objects.filter(pk=user.pk).update(password=weak)
    assert APIClient().post("/api/auth/token", {"email": user.email, "password": PASSWORD}).status_code == 201
    user.refresh_from_db()
    assert user.password != weak
    assert api.get("/api/auth/me").status_code == 200


def test_an_open_stream_of_a_demoted_operator_sees_only_their_own(make_user: MakeUser, project: Project) -> None:
    operator = make_user("operator@example.com", is_staff=True)
    assert audience_of([project.pk]).has(operator.pk, project.pk)
    User.objects.filter(pk=operator.pk).update(is_staff=False)
    assert not audience_of([project.pk]).has(operator.pk, project.pk)
