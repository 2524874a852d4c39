"""Devices through the doors: registered, changed, moved, listed, removed, gone with their token."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import AccessToken, AuditEntry, User
from accounts.services import elevate
from devices.models import Device
from tests.config.answers import pointers, problem
from tests.conftest import MakeApi, MakeUser, all_at_once
from tests.serving import PASSWORD

TOKEN = "ab" * 32
WISHES = {"finished": True, "failed": True, "paused": True, "permission": True, "preview": False}


def register(client: APIClient, token: str = TOKEN, **body: Any) -> Any:
    """The answer to a registration."""
    return client.post("/api/devices", {"token": token, "environment": "sandbox", **body})


@pytest.fixture
def other(make_user: MakeUser) -> User:
    return make_user("ben@example.com")


def test_a_new_device_is_shown_with_the_end_of_its_token_only(api: APIClient) -> None:
    answer = register(api, TOKEN[:-8] + "0123cdef", bundleId="com.example.app", name="Phone", locale="de-CH")
    body = answer.json()
    assert (answer.status_code, answer["Location"]) == (201, f"/api/devices/{body['id']}")
    times = body.pop("createdAt"), body.pop("updatedAt")
    assert all(time.endswith("Z") for time in times)
    assert body == {
        "id": Device.objects.get().pk,
        "tokenSuffix": "0123cdef",
        "environment": "sandbox",
        "bundleId": "com.example.app",
        "name": "Phone",
        "appVersion": "",
        "locale": "de-CH",
        "notify": WISHES,
    }


def test_the_same_token_again_is_the_same_device(api: APIClient) -> None:
    first = register(api).json()
    answer = register(api, TOKEN.upper())
    assert (answer.status_code, answer.json()["id"], "Location" in answer) == (200, first["id"], False)


def test_what_is_not_given_again_stays(api: APIClient) -> None:
    register(api, name="Phone", appVersion="1.0", notify={"finished": False})
    body = register(api, environment="production", appVersion="1.1", notify={"preview": True}).json()
    assert (body["name"], body["appVersion"], body["environment"]) == ("Phone", "1.1", "production")
    assert body["notify"] == {**WISHES, "finished": False, "preview": True}


def test_it_moves_to_the_newest_user_without_the_old_ones_wishes(
    api: APIClient, other: User, make_api: MakeApi
) -> None:
    register(api, name="Anna's phone", notify={"preview": True})
    newest = make_api(other)
    answer = register(newest)
    assert (answer.status_code, answer.json()["name"], answer.json()["notify"]) == (200, "", WISHES)
    assert api.get("/api/devices").json()["data"] == []
    assert [row["id"] for row in newest.get("/api/devices").json()["data"]] == [answer.json()["id"]]


def test_it_moves_to_the_newest_token_of_its_user(api: APIClient, user: User, make_api: MakeApi) -> None:
    register(api)
    register(make_api(user))
    api.post("/api/auth/logout")
    assert Device.objects.count() == 1


def test_it_goes_at_logout(api: APIClient) -> None:
    register(api)
    assert api.post("/api/auth/logout").status_code == 204
    assert not Device.objects.exists()


def test_one_registered_with_an_elevated_token_goes_with_its_parent(api: APIClient, user: User) -> None:
    parent = AccessToken.objects.get()
    elevated, text = elevate(parent, PASSWORD, ["git:push"])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    assert register(client).status_code == 201
    elevated.delete()
    assert Device.objects.get().access_token == parent


def test_only_ones_own_are_listed_newest_first(api: APIClient, other: User, make_api: MakeApi) -> None:
    first, second = (register(api, digits * 32).json()["id"] for digits in ("01", "02"))
    register(make_api(other), "03" * 32)
    assert [row["id"] for row in api.get("/api/devices").json()["data"]] == [second, first]


def test_one_is_removed(api: APIClient) -> None:
    path = register(api)["Location"]
    assert api.delete(path).status_code == 204
    assert not Device.objects.exists()
    assert problem(api.delete(path)) == (404, "not-found")


def test_nobody_removes_one_of_others_not_even_an_operator(
    api: APIClient, make_user: MakeUser, make_api: MakeApi
) -> None:
    path = register(api)["Location"]
    operator = make_api(make_user("root@example.com", is_staff=True, is_superuser=True))
    assert problem(operator.delete(path)) == (404, "not-found")
    assert Device.objects.exists()


@pytest.mark.parametrize(
    "token", ["", "ab" * 31, "ab" * 101, "ab" * 32 + "a", "zz" * 32, "ab" * 32 + "\n0", "ab" * 31 + "é"]
)
def test_what_is_no_device_token_is_refused(api: APIClient, token: str) -> None:
    assert pointers(register(api, token)).keys() == {"/token"}
    assert not Device.objects.exists()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"environment": "test"}, {"/environment": "invalid-choice"}),
        ({"notify": {"finished": "yes"}}, {"/notify/finished": "wrong-type"}),
        ({"notify": {"finisched": True}}, {"/notify/finisched": "unknown-member"}),
        ({"notify": None}, {"/notify": "null"}),
        ({"notify": [True]}, {"/notify": "invalid"}),
        ({"name": "x" * 201}, {"/name": "max-length"}),
        ({"name": "a\0b"}, {"/name": "null-characters-not-allowed"}),
        ({"tokenSuffix": "ab"}, {"/tokenSuffix": "read-only"}),
        ({"push": True}, {"/push": "unknown-member"}),
    ],
)
def test_a_member_that_does_not_fit_is_named(api: APIClient, body: dict[str, Any], expected: dict[str, str]) -> None:
    assert pointers(register(api, **body)) == expected
    assert not Device.objects.exists()


def test_a_bad_change_changes_nothing(api: APIClient) -> None:
    register(api, name="Phone")
    assert register(api, name="Other", locale="x" * 41).status_code == 422
    assert Device.objects.get().name == "Phone"


def test_without_a_token_nothing_is_registered(db: None) -> None:
    assert problem(register(APIClient())) == (401, "unauthenticated")


def test_reading_abilities_do_not_register(user: User, make_api: MakeApi) -> None:
    answer = register(make_api(user, "projects:read"))
    assert (problem(answer), answer.json()["requiredAbility"]) == ((403, "missing-ability"), "projects:write")


def test_registering_is_audited_without_the_token(api: APIClient, other: User, make_api: MakeApi) -> None:
    register(api)
    register(api)
    register(make_api(other))
    entries = AuditEntry.objects.filter(action__startswith="device_").order_by("pk")
    assert [entry.action for entry in entries] == ["device_registered", "device_moved"]
    assert TOKEN not in str([entry.detail for entry in entries])


def test_the_console_shows_devices_without_their_tokens(api: APIClient, make_user: MakeUser, client: Client) -> None:
    device = register(api).json()["id"]
    client.force_login(make_user("root@example.com", is_staff=True, is_superuser=True))
    pages = [client.get(path) for path in ("/admin/devices/device/", f"/admin/devices/device/{device}/change/")]
    assert [page.status_code for page in pages] == [200, 200]
    assert not [page for page in pages if TOKEN in page.content.decode()]


@pytest.mark.django_db(transaction=True)
def test_twenty_registrations_at_once_make_one_device(api: APIClient, other: User, make_api: MakeApi) -> None:
    clients = [api, make_api(other)]
    answers = all_at_once(20, lambda number: register(clients[number % 2], name=str(number % 2)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    device = Device.objects.get()
    assert device.name == str(int(device.access_token.user == other))


@pytest.mark.django_db(transaction=True)
def test_registering_and_removing_at_once_never_fails(api: APIClient) -> None:
    path = register(api)["Location"]
    answers = all_at_once(10, lambda number: api.delete(path) if number % 2 else register(api))
    assert {answer.status_code for answer in answers} <= {200, 201, 204, 404}


@pytest.mark.django_db(transaction=True)
def test_registering_while_signing_out_leaves_no_device(api: APIClient) -> None:
    answers = all_at_once(8, lambda number: register(api) if number else api.post("/api/auth/logout"))
    assert {answer.status_code for answer in answers} <= {200, 201, 204, 401}
    assert not Device.objects.exists()


def test_a_registration_under_the_same_key_gives_the_same_answer(api: APIClient) -> None:
    body = {"token": TOKEN, "environment": "sandbox"}
    first, second = (api.post("/api/devices", body, headers={"Idempotency-Key": "a"}) for _ in range(2))
    assert (first.status_code, second.status_code, second.content) == (201, 201, first.content)


@pytest.mark.parametrize("more", [1, 9])
def test_a_list_asks_the_database_as_often_for_many_as_for_one(
    api: APIClient, more: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(more):
        register(api, f"{number:02x}" * 32)
    with django_assert_max_num_queries(3):
        assert len(api.get("/api/devices").json()["data"]) == more
