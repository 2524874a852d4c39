"""`Idempotency-Key`: the same request again does the work once and gets the same answer."""

import socket
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AccessToken, IdempotencyRecord, User
from projects.models import Membership, Project
from runs.models import Run
from tests.accounts.test_abilities import DOORS, Door
from tests.config.answers import problem
from tests.conftest import MakeApi, all_at_once
from tests.serving import PASSWORD

BODY = {"name": "New", "repositoryUrl": "https://git.example.com/new.git"}
KEY = {"Idempotency-Key": "4b1c-retry"}
REPLAYED = "Idempotency-Replayed"
POSTS = [door for door in DOORS if door.method == "POST" and not door.route.startswith("api/auth/")]
over_posts = pytest.mark.parametrize("door", POSTS, ids=lambda door: door.route)
DEAD = f"{socket.gethostname()[:30]}:1:1"  # process 1 was not born then


def test_a_project_is_made_once(api: APIClient) -> None:
    first, second = (api.post("/api/projects", BODY, headers=KEY) for _ in range(2))

    assert Project.objects.count() == 1
    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers["Location"] == first.headers["Location"]


def test_only_the_second_answer_is_called_replayed(api: APIClient) -> None:
    first, second = (api.post("/api/projects", BODY, headers=KEY) for _ in range(2))
    assert (first.headers.get(REPLAYED), second.headers.get(REPLAYED)) == (None, "true")


def test_without_a_key_every_request_counts(api: APIClient) -> None:
    for _ in range(2):
        api.post("/api/projects", BODY)
    assert Project.objects.count() == 2


def test_a_run_is_started_once(api: APIClient, run: Run) -> None:
    answers = [api.post(f"/api/runs/{run.pk}/start", headers=KEY) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert api.post(f"/api/runs/{run.pk}/start").status_code == 409


def test_another_body_under_the_same_key_is_refused(api: APIClient) -> None:
    api.post("/api/projects", BODY, headers=KEY)
    answer = api.post("/api/projects", {**BODY, "name": "Other"}, headers=KEY)
    assert problem(answer) == (422, "idempotency-key-reused")
    assert Project.objects.count() == 1


def test_a_refusal_is_kept_too(api: APIClient) -> None:
    answers = [api.post("/api/projects", {"name": "x"}, headers=KEY) for _ in range(2)]
    assert [problem(answer) for answer in answers] == [(422, "validation-failed")] * 2
    assert answers[1].headers[REPLAYED] == "true"


def test_a_key_belongs_to_its_path(api: APIClient, project: Project) -> None:
    api.post("/api/projects", BODY, headers=KEY)
    body = {"projectId": project.pk, "title": "Try", "prompt": "Hello."}
    assert REPLAYED not in api.post("/api/runs", body, headers=KEY).headers


def test_a_key_belongs_to_its_user(api: APIClient, stranger: APIClient) -> None:
    answers = [client.post("/api/projects", BODY, headers=KEY) for client in (api, stranger)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


def test_another_token_of_the_same_user_gets_the_kept_answer(api: APIClient, user: User, make_api: MakeApi) -> None:
    api.post("/api/projects", BODY, headers=KEY)
    assert make_api(user).post("/api/projects", BODY, headers=KEY).headers[REPLAYED] == "true"


def _in_progress(owner: str | None = None, **fields: Any) -> None:
    """Makes the one record as it was while its request was being worked on."""
    record = IdempotencyRecord.objects.get()
    fields |= {"owner": owner} if owner else {}
    IdempotencyRecord.objects.filter(pk=record.pk).update(status=None, headers={}, body=b"", **fields)


def test_a_request_that_is_still_running_is_a_conflict(api: APIClient) -> None:
    api.post("/api/projects", BODY, headers=KEY)
    _in_progress()
    answer = api.post("/api/projects", BODY, headers=KEY)
    assert problem(answer) == (409, "idempotency-in-progress")
    assert answer.headers["Retry-After"] == "1"


def test_a_key_is_free_when_its_process_has_died(api: APIClient) -> None:
    api.post("/api/projects", BODY, headers=KEY)
    _in_progress(DEAD)
    answer = api.post("/api/projects", BODY, headers=KEY)
    assert (answer.status_code, REPLAYED in answer.headers) == (201, False)


def test_a_key_that_a_process_elsewhere_holds_is_free_after_a_while(api: APIClient) -> None:
    api.post("/api/projects", BODY, headers=KEY)
    _in_progress("elsewhere:5:5")
    assert api.post("/api/projects", BODY, headers=KEY).status_code == 409
    _in_progress("elsewhere:5:5", created_at=timezone.now() - timedelta(minutes=16))
    assert api.post("/api/projects", BODY, headers=KEY).status_code == 201


def test_an_answer_is_kept_for_a_day(api: APIClient) -> None:
    api.post("/api/projects", BODY, headers=KEY)
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=23, minutes=59))
    assert REPLAYED in api.post("/api/projects", BODY, headers=KEY).headers
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert REPLAYED not in api.post("/api/projects", BODY, headers=KEY).headers


def test_old_records_go_when_new_ones_come(api: APIClient) -> None:
    api.post("/api/projects", BODY, headers=KEY)
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=25))
    api.post("/api/projects", BODY, headers={"Idempotency-Key": "another"})
    assert [record.key for record in IdempotencyRecord.objects.all()] == ["another"]


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\x01b", "a\tb"])
def test_what_can_be_no_key_is_refused(api: APIClient, key: str) -> None:
    answer = api.post("/api/projects", BODY, headers={"Idempotency-Key": key})
    assert problem(answer) == (400, "invalid-parameter")
    assert (answer.json()["parameter"], Project.objects.count()) == ("Idempotency-Key", 0)


@pytest.mark.parametrize("key", ["x" * 255, "a b", '"quoted"', "~"])
def test_what_can_be_a_key_is_taken(api: APIClient, key: str) -> None:
    assert api.post("/api/projects", BODY, headers={"Idempotency-Key": key}).status_code == 201


def test_a_key_on_another_method_is_nothing(api: APIClient, project: Project) -> None:
    api.put(f"/api/projects/{project.pk}", {"name": "Other"}, headers=KEY)
    api.get(f"/api/projects/{project.pk}", headers=KEY)
    assert not IdempotencyRecord.objects.exists()


def test_sign_ins_are_never_kept(user: User) -> None:
    credentials = {"email": user.email, "password": PASSWORD}
    tokens = [APIClient().post("/api/auth/token", credentials, headers=KEY).json()["token"] for _ in range(2)]
    assert len(set(tokens)) == 2
    assert not IdempotencyRecord.objects.exists()


def test_an_elevation_is_never_kept(api: APIClient) -> None:
    body = {"password": PASSWORD, "abilities": ["git:push"]}
    assert [api.post("/api/auth/elevate", body, headers=KEY).status_code for _ in range(2)] == [201, 201]
    assert not IdempotencyRecord.objects.exists()


def test_of_the_request_only_a_digest_is_kept(api: APIClient) -> None:
    api.post("/api/projects", {**BODY, "hunter2": "hunter2"}, headers=KEY)
    record = IdempotencyRecord.objects.values().get()
    kept = {name: value for name, value in record.items() if name not in ("body", "key")}
    assert "hunter2" not in str(kept)
    assert len(record["request_sha256"]) == 64


def test_the_token_is_checked_before_a_replay(api: APIClient) -> None:
    api.post("/api/projects", BODY, headers=KEY)
    AccessToken.objects.all().delete()
    assert problem(api.post("/api/projects", BODY, headers=KEY)) == (401, "unauthenticated")


def test_the_ability_is_checked_before_a_replay(api: APIClient) -> None:
    api.post("/api/projects", BODY, headers=KEY)
    AccessToken.objects.update(abilities=["projects:read"])
    assert problem(api.post("/api/projects", BODY, headers=KEY)) == (403, "missing-ability")


def test_what_was_made_must_still_be_visible_for_a_replay(api: APIClient) -> None:
    api.post("/api/projects", BODY, headers=KEY)
    Membership.objects.all().delete()
    assert problem(api.post("/api/projects", BODY, headers=KEY)) == (404, "not-found")


def test_a_missing_role_is_not_kept(api: APIClient, run: Run) -> None:
    Membership.objects.update(role="viewer")
    assert problem(api.post(f"/api/runs/{run.pk}/start", headers=KEY)) == (403, "role-required")
    Membership.objects.update(role="owner")
    assert api.post(f"/api/runs/{run.pk}/start", headers=KEY).status_code == 202


def test_too_many_requests_are_not_kept(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_LIMITS_DEFAULT_PER_MINUTE", "1")
    api.get("/api/auth/me")
    assert problem(api.post("/api/projects", BODY, headers=KEY)) == (429, "rate-limited")
    assert not IdempotencyRecord.objects.exists()


def test_a_failure_of_the_server_is_not_kept(api: APIClient) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {Membership._meta.db_table} RENAME TO gone")
    assert problem(api.post("/api/projects", BODY, headers=KEY)) == (500, "internal-error")
    assert not IdempotencyRecord.objects.exists()

    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE gone RENAME TO {Membership._meta.db_table}")
    assert api.post("/api/projects", BODY, headers=KEY).status_code == 201


def _refuse_to_keep() -> None:
    table = IdempotencyRecord._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"CREATE TRIGGER no BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END")
            return
        cursor.execute(
            "CREATE FUNCTION pg_temp.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
            f"CREATE TRIGGER no BEFORE UPDATE ON {table} EXECUTE FUNCTION pg_temp.no()"
        )


def test_when_the_answer_cannot_be_kept_nothing_is_done(api: APIClient) -> None:
    _refuse_to_keep()
    assert problem(api.post("/api/projects", BODY, headers=KEY)) == (500, "internal-error")
    assert (Project.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_of_twenty_requests_at_once_one_does_the_work(user: User, make_api: MakeApi) -> None:
    clients = [make_api(user) for _ in range(20)]

    answers = all_at_once(20, lambda n: clients[n].post("/api/projects", BODY, headers=KEY))

    made = {answer.content for answer in answers if answer.status_code == 201}
    assert (Project.objects.count(), len(made)) == (1, 1)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert sum(answer.status_code == 201 and REPLAYED not in answer.headers for answer in answers) == 1


@pytest.fixture
def path_of(run: Run) -> Any:
    """The address of a door to a project and a run that are there, and a third thing that is not."""
    return lambda door: door.path(run.project_id, run.pk, 10**15)


def _post(client: APIClient, path: str) -> Any:
    return client.generic("POST", path, "{}", content_type="application/json", headers=KEY)


@over_posts
def test_every_post_replays_its_answer(
    api: APIClient, path_of: Any, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_AUTO_GIT_PUSH", "true")
    first, second = (_post(api, path_of(door)) for _ in range(2))

    assert first.status_code not in (401, 403, 429, 500)
    if first.status_code != 404:
        assert (second.status_code, second.content) == (first.status_code, first.content)
        assert second.headers[REPLAYED] == "true"


@over_posts
def test_no_post_replays_to_somebody_who_may_not_see_the_thing(
    api: APIClient, stranger: APIClient, user: User, path_of: Any, door: Door
) -> None:
    if not door.is_item:
        return
    _post(api, path_of(door))
    IdempotencyRecord.objects.update(user=User.objects.exclude(pk=user.pk).get())
    assert problem(_post(stranger, path_of(door))) == (404, "not-found")
