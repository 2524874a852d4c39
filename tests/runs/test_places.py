"""Places of event streams: so many at once for a person, exactly, and free again when their holder is gone."""

import socket
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.functions import Now

from accounts.models import AccessToken, StreamLease, User
from accounts.services import issue_token
from config.api.owners import owner_id
from config.api.problems import RateLimited, Unauthenticated
from runs.services.places import free_places, renew_places, take_place
from settings_params.registry import PARAMS
from tests.conftest import MakeUser, all_at_once

pytestmark = pytest.mark.django_db
PATH = "/api/events/stream"


@pytest.fixture
def token(user: User) -> AccessToken:
    return issue_token(user, ["projects:read"])[0]


def take(token: AccessToken, client: str = "", path: str = PATH) -> int:
    return take_place(token.user, token, path=path, client=client).pk


def is_place_held(place: int) -> bool:
    return StreamLease.objects.filter(pk=place).exists()


def is_full(token: AccessToken) -> bool:
    try:
        take(token)
    except RateLimited:
        return True
    return False


def in_seconds(seconds: float) -> Any:
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())


def test_there_are_four_unless_the_operator_says_otherwise() -> None:
    assert PARAMS["limits.streams_per_user"].default == 4


def test_the_fifth_gets_none(token: AccessToken) -> None:
    for _ in range(4):
        take(token)
    with pytest.raises(RateLimited, match="4 event streams at once") as caught:
        take(token)
    assert caught.value.headers == {"Retry-After": "30"}
    assert StreamLease.objects.count() == 4


def test_all_tokens_of_a_person_count_together(token: AccessToken, user: User) -> None:
    for _ in range(2):
        take(token)
        take(issue_token(user, ["projects:read"])[0])
    assert is_full(token)


def test_people_have_places_of_their_own(token: AccessToken, make_user: MakeUser) -> None:
    for _ in range(4):
        take(token)
    assert not is_full(issue_token(make_user("bert@example.com"), ["projects:read"])[0])


@pytest.mark.django_db(transaction=True)
def test_of_twenty_at_once_exactly_four_get_a_place(token: AccessToken) -> None:
    refused = all_at_once(20, lambda _: is_full(token))
    assert (refused.count(False), StreamLease.objects.count()) == (4, 4)


@pytest.mark.django_db(transaction=True)
def test_of_twenty_at_once_by_one_client_one_remains(token: AccessToken) -> None:
    taken = all_at_once(20, lambda _: take(token, "phone"))
    assert [lease.pk for lease in StreamLease.objects.all()] == [max(taken)]


def test_the_same_token_path_and_client_replaces_the_older(token: AccessToken) -> None:
    older = take(token, "phone")
    taken = take_place(token.user, token, path=PATH, client="phone")
    assert (is_place_held(older), taken.replaced) == (False, frozenset({older}))


def test_a_full_house_has_room_for_whoever_replaces(token: AccessToken) -> None:
    for client in ("a", "b", "c", "d"):
        take(token, client)
    take(token, "c")
    assert is_full(token)


def test_without_client_nothing_is_replaced(token: AccessToken) -> None:
    places = [take(token) for _ in range(2)]
    assert all(map(is_place_held, places))


@pytest.mark.parametrize(("client", "path"), [("tablet", PATH), ("phone", "/api/runs/1/events/stream"), ("", PATH)])
def test_another_client_or_path_replaces_nothing(token: AccessToken, client: str, path: str) -> None:
    older = take(token, "phone")
    take(token, client, path)
    assert is_place_held(older)


def test_the_same_client_by_another_token_replaces_nothing(token: AccessToken, user: User) -> None:
    older = take(token, "phone")
    take(issue_token(user, ["projects:read"])[0], "phone")
    assert is_place_held(older)


def test_a_console_session_has_places_too(user: User) -> None:
    older = take_place(user, None, path=PATH, client="tab").pk
    take_place(user, None, path=PATH, client="tab")
    assert not is_place_held(older)


def test_a_place_given_back_is_free(token: AccessToken) -> None:
    places = [take(token) for _ in range(4)]
    free_places(places[:1])
    assert not is_full(token)


def test_a_place_that_is_not_renewed_is_free_after_thirty_seconds(token: AccessToken) -> None:
    for _ in range(4):
        take(token)
    assert not StreamLease.objects.filter(expires_at__gt=in_seconds(30)).exists()
    StreamLease.objects.update(owner="elsewhere:1:1", expires_at=in_seconds(1))
    assert is_full(token)
    StreamLease.objects.update(expires_at=in_seconds(-0.1))
    assert not is_full(token)


def test_renewing_keeps_all_places_of_a_process_by_one_update(
    token: AccessToken, django_assert_num_queries: Any
) -> None:
    places = [take(token) for _ in range(4)]
    StreamLease.objects.update(owner="elsewhere:1:1", expires_at=in_seconds(-0.1))
    with django_assert_num_queries(1):
        renew_places(places)
    assert is_full(token)


def test_places_of_a_killed_process_are_free_at_once(token: AccessToken) -> None:
    for _ in range(4):
        take(token)
    script = (
        "import sys; from config.api.owners import owner_id; print(owner_id()); sys.stdout.flush(); sys.stdin.read()"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    StreamLease.objects.update(owner=process.stdout.readline().strip())
    assert is_full(token)
    process.kill()
    process.communicate()
    assert not is_full(token)


def test_a_place_names_its_process(token: AccessToken) -> None:
    take(token)
    lease = StreamLease.objects.get()
    assert lease.owner == owner_id()
    assert lease.owner.startswith(socket.gethostname()[:30])


def test_places_end_with_their_token(token: AccessToken) -> None:
    place = take(token)
    AccessToken.objects.filter(pk=token.pk).end()
    assert not is_place_held(place)


def test_a_revoked_token_gets_no_place(token: AccessToken) -> None:
    AccessToken.objects.filter(pk=token.pk).end()
    with pytest.raises(Unauthenticated):
        take(token)
