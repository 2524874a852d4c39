"""Tags, 304, `If-Match`, cache headers, compression."""

import gzip
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AccessToken
from config.api.params import read
from projects.models import Membership, Project
from runs.models import Run
from tests.config.answers import problem
from tests.conftest import MakeApi, MakeUser, all_at_once

ONE = ["/api/projects/{project}", "/api/runs/{run}", "/api/auth/me", "/api/runs/{run}/diff"]
over_single_resources = pytest.mark.parametrize("path", ONE)


def _address(path: str, run: Run) -> str:
    return path.format(project=run.project_id, run=run.pk)


@over_single_resources
def test_one_resource_has_a_tag(api: APIClient, run: Run, path: str) -> None:
    assert api.get(_address(path, run)).headers["ETag"].startswith('"')


@over_single_resources
def test_who_has_the_bytes_gets_304_without_any(api: APIClient, run: Run, path: str) -> None:
    tag = api.get(_address(path, run)).headers["ETag"]
    answer = api.get(_address(path, run), headers={"If-None-Match": tag})

    assert (answer.status_code, answer.content) == (304, b"")
    assert (answer.headers["ETag"], "Content-Type" in answer.headers) == (tag, False)
    assert {"Cache-Control", "Vary", "X-Request-ID"} <= set(answer.headers)


@pytest.mark.parametrize("form", ["W/{}", '"other", {}', "{}, W/{}", "*"])
def test_other_forms_of_if_none_match(api: APIClient, run: Run, form: str) -> None:
    path = f"/api/runs/{run.pk}"
    field = form.replace("{}", api.get(path).headers["ETag"])
    assert api.get(path, headers={"If-None-Match": field}).status_code == 304


@pytest.mark.parametrize("field", ['"other"', "nonsense", "", '"', "W/", "é"])
def test_another_tag_gets_the_whole_answer(api: APIClient, run: Run, field: str) -> None:
    assert api.get(f"/api/runs/{run.pk}", headers={"If-None-Match": field}).status_code == 200


def test_a_change_changes_the_tag(api: APIClient, run: Run) -> None:
    before = api.get(f"/api/runs/{run.pk}").headers["ETag"]
    api.put(f"/api/runs/{run.pk}", {"title": "Other"})
    answer = api.get(f"/api/runs/{run.pk}", headers={"If-None-Match": before})
    assert (answer.status_code, answer.json()["title"]) == (200, "Other")


def test_access_is_checked_before_304(api: APIClient, stranger: APIClient, run: Run) -> None:
    headers = {"If-None-Match": api.get(f"/api/runs/{run.pk}").headers["ETag"]}
    assert problem(stranger.get(f"/api/runs/{run.pk}", headers=headers)) == (404, "not-found")
    assert problem(APIClient().get(f"/api/runs/{run.pk}", headers=headers)) == (401, "unauthenticated")


@pytest.mark.parametrize("path", [*ONE, "/api/runs", "/api/projects", "/api/runs/{run}/events", "/api/meta"])
def test_answers_are_private_and_checked_again(api: APIClient, run: Run, path: str) -> None:
    headers = api.get(_address(path, run)).headers
    assert headers["Cache-Control"] == "private, no-cache"
    assert {"Authorization", "Cookie", "Accept"} <= {each.strip() for each in headers["Vary"].split(",")}


@pytest.mark.parametrize("path", ["/api/nothing", "/api/runs/99999", "/api/runs?limit=-1"])
def test_errors_are_private_too_and_have_no_tag(api: APIClient, path: str) -> None:
    headers = api.get(path).headers
    assert (headers["Cache-Control"], "ETag" in headers) == ("private, no-cache", False)


def test_signed_addresses_are_not_stored_and_have_no_tag(api: APIClient, run: Run) -> None:
    command = run.commands.create(attempt=1, command="ls", cwd="/", status="finished", started_at=timezone.now())
    headers = api.get(f"/api/runs/{run.pk}/commands/{command.pk}").headers
    assert (headers["Cache-Control"], "ETag" in headers) == ("no-store", False)


def test_head_works_like_get(api: APIClient, run: Run) -> None:
    path = f"/api/runs/{run.pk}"
    got, headed = api.get(path), api.head(path)
    assert (headed.status_code, headed.content) == (200, b"")
    assert headed.headers["ETag"] == got.headers["ETag"]
    assert api.head(path, headers={"If-None-Match": got.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_a_put_of_what_the_client_knows_is_done(api: APIClient, project: Project, form: str) -> None:
    path = f"/api/projects/{project.pk}"
    field = form.replace("{}", api.get(path).headers["ETag"])
    answer = api.put(path, {"name": "Other"}, headers={"If-Match": field})
    assert (answer.status_code, answer.json()["name"]) == (200, "Other")


@pytest.mark.parametrize("path", ["/api/projects/{project}", "/api/runs/{run}"])
@pytest.mark.parametrize("field", ['"other"', "nonsense", ""])
def test_a_put_of_what_the_client_does_not_know_is_refused(api: APIClient, run: Run, path: str, field: str) -> None:
    body = {"name": "Other"} if "projects" in path else {"title": "Other"}
    answer = api.put(_address(path, run), body, headers={"If-Match": field})

    assert problem(answer) == (412, "precondition-failed")
    assert (Project.objects.get().name, Run.objects.get().title) == ("Sample", "Try")


def test_a_tag_from_before_a_change_is_refused(api: APIClient, project: Project) -> None:
    path = f"/api/projects/{project.pk}"
    tag = api.get(path).headers["ETag"]
    api.put(path, {"name": "Theirs"})

    assert problem(api.put(path, {"name": "Mine"}, headers={"If-Match": tag})) == (412, "precondition-failed")
    assert Project.objects.get().name == "Theirs"


def test_a_compressed_answers_tag_is_good_for_a_put(api: APIClient, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(description="x" * 2000)
    tag = api.get(f"/api/projects/{project.pk}", headers={"Accept-Encoding": "gzip"}).headers["ETag"]
    assert tag.startswith("W/")
    assert api.put(f"/api/projects/{project.pk}", {"name": "Other"}, headers={"If-Match": tag}).status_code == 200


def test_the_other_checks_come_before_the_precondition(
    api: APIClient, stranger: APIClient, make_api: MakeApi, project: Project
) -> None:
    path, headers = f"/api/projects/{project.pk}", {"If-Match": '"other"'}
    reader = make_api(project.created_by, "projects:read")
    assert problem(APIClient().put(path, {"name": "x"}, headers=headers)) == (401, "unauthenticated")
    assert problem(reader.put(path, {"name": "x"}, headers=headers)) == (403, "missing-ability")
    assert problem(stranger.put(path, {"name": "x"}, headers=headers)) == (404, "not-found")
    assert problem(api.put(path, {"name": 5}, headers=headers)) == (422, "validation-failed")


def test_a_viewer_gets_the_role_before_the_precondition(api: APIClient, stranger: APIClient, project: Project) -> None:
    user = AccessToken.objects.exclude(user=project.created_by).get().user
    Membership.objects.create(project=project, user=user, role="viewer")
    answer = stranger.put(f"/api/projects/{project.pk}", {"name": "x"}, headers={"If-Match": '"other"'})
    assert problem(answer) == (403, "role-required")


@pytest.mark.django_db(transaction=True)
def test_of_many_puts_of_the_same_tag_one_is_done(user: Any, project: Project, make_api: MakeApi) -> None:
    path = f"/api/projects/{project.pk}"
    clients = [make_api(user) for _ in range(8)]
    tag = clients[0].get(path).headers["ETag"]

    answers = all_at_once(8, lambda n: clients[n].put(path, {"name": f"Name {n}"}, headers={"If-Match": tag}))

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


@pytest.fixture
def operator(db: None, make_user: MakeUser, make_api: MakeApi) -> APIClient:
    return make_api(make_user("operator@example.com", is_staff=True))


PARAMS_PATH, CHANGE = "/api/settings/server-params", {"git.author_name": "Robot"}


def test_a_refused_change_of_params_is_seen_by_nobody(operator: APIClient) -> None:
    answer = operator.put(PARAMS_PATH, CHANGE, headers={"If-Match": '"other"'})
    assert problem(answer) == (412, "precondition-failed")
    assert read("git.author_name") == "Quarterdeck"


def test_params_are_changed_under_their_tag(operator: APIClient) -> None:
    tag = operator.get(PARAMS_PATH).headers["ETag"]
    assert operator.put(PARAMS_PATH, CHANGE, headers={"If-Match": tag}).status_code == 200
    assert problem(operator.put(PARAMS_PATH, CHANGE, headers={"If-Match": tag})) == (412, "precondition-failed")


def test_an_address_without_a_tag_meets_no_condition(operator: APIClient) -> None:
    answer = operator.put("/api/settings/providers/script", {"enabled": False}, headers={"If-Match": '"x"'})
    assert problem(answer) == (412, "precondition-failed")


def test_a_put_without_a_condition_reads_nothing_twice(api: APIClient, project: Project) -> None:
    api.put(f"/api/projects/{project.pk}", {"name": "Warm"})
    with CaptureQueriesContext(connection) as plain:
        api.put(f"/api/projects/{project.pk}", {"name": "One"})
    with CaptureQueriesContext(connection) as conditional:
        api.put(f"/api/projects/{project.pk}", {"name": "Two"}, headers={"If-Match": "*"})
    assert len(plain) < len(conditional)


@pytest.fixture
def long(run: Run) -> str:
    """The path of an answer over 1 KiB."""
    Run.objects.filter(pk=run.pk).update(prompt="word " * 1000)
    return f"/api/runs/{run.pk}"


def test_a_long_answer_is_compressed_when_asked_for(api: APIClient, long: str) -> None:
    plain, packed = api.get(long), api.get(long, headers={"Accept-Encoding": "br, gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert int(packed.headers["Content-Length"]) == len(packed.content) < len(plain.content)


def test_a_compressed_answer_has_the_plain_ones_tag_weakened(api: APIClient, long: str) -> None:
    plain, packed = api.get(long), api.get(long, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["ETag"] == "W/" + plain.headers["ETag"]
    again = api.get(long, headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("accepted", ["identity", "", "br", "gzip;q=0", "gzip; q=0.0, br"])
def test_nobody_gets_what_they_did_not_ask_for(api: APIClient, long: str, accepted: str) -> None:
    assert "Content-Encoding" not in api.get(long, headers={"Accept-Encoding": accepted}).headers


def test_caches_learn_that_the_encoding_varies(api: APIClient, long: str) -> None:
    assert "Accept-Encoding" in api.get(long).headers["Vary"]


def test_a_short_answer_is_not_compressed(api: APIClient) -> None:
    assert "Content-Encoding" not in api.get("/api/auth/me", headers={"Accept-Encoding": "gzip"}).headers


def test_answers_about_tokens_are_not_compressed(db: None) -> None:
    long = {f"member{number}": 1 for number in range(100)}
    answer = APIClient().post("/api/auth/token", long, headers={"Accept-Encoding": "gzip"})
    assert (answer.status_code, len(answer.content) > 1024) == (422, True)
    assert "Content-Encoding" not in answer.headers
