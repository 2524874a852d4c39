"""A push to a slow remote: the project is free meanwhile, and what came of the push is told of the commit it was of."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections
from rest_framework.test import APIClient

from projects.models import Project
from runs.services.publishing import carry_out_push
from tests.conftest import QueueRun, all_at_once, git
from tests.projects.git.slow_remote import SlowRemote, slow_remote
from tests.runs.test_review import Reviewed
from tests.serving import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
PROMPT = "```file note.txt\nhello\n```"


@pytest.fixture
def done(api: APIClient, carry_out_once: QueueRun) -> Reviewed:
    """A run whose work is approved and committed."""
    made = Reviewed(api, carry_out_once(PROMPT, title="Leave a note"))
    assert made.post("approve", commit=True).status_code == 200
    return made


@pytest.fixture
def slow(done: Reviewed, remote: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowRemote]:
    """The run's project has a remote that takes its time."""
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_ALLOW_PRIVATE_HOSTS", "true")
    with slow_remote(remote) as slow:
        Project.objects.update(repository_url=slow.url)
        yield slow


@contextmanager
def pushing(done: Reviewed, slow: SlowRemote) -> Iterator[None]:
    """A worker's push has been sent to the remote, which does not answer before the body has ended."""
    assert done.post("push").status_code == 202
    attempt = done.attempt.pk

    def work() -> None:
        try:
            carry_out_push(attempt)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        pushed = pool.submit(work)
        try:
            wait_until(lambda: slow.has_asked() or pushed.done())
            assert done.show()["git"]["pushStatus"] == "pushing", done.show()["git"]
            yield
        finally:
            slow.go_on()
        pushed.result(120)


def told(done: Reviewed) -> list[tuple[str, str]]:
    """What the log tells of pushes: event and commit."""
    events = done.api.get(f"{done.path}/events?limit=200").json()["data"]
    return [(each["eventType"], each["data"]["commit"]) for each in events if each["eventType"].startswith("git_push")]


def test_others_get_on_in_the_project_while_a_slow_remote_is_pushed_to(
    done: Reviewed, slow: SlowRemote, carry_out: QueueRun, api: APIClient
) -> None:
    project = done.run.project_id
    with pushing(done, slow):
        kept = api.post(f"/api/projects/{project}/snapshots", {"description": "Meanwhile"})
        assert kept.status_code == 201, kept.json()
        compared = api.post(f"/api/snapshots/{kept.json()['id']}/compare", {"against": "current"})
        assert (compared.status_code, done.api.get(f"{done.path}/diff").status_code) == (200, 200)
        other = Reviewed(api, carry_out("```file other.txt\nhello\n```"))
        assert other.show()["status"] == "completed", other.show()["error"]
        assert other.post("approve", commit=True).status_code == 200
        assert done.show()["git"]["pushStatus"] == "pushing"
    assert (done.show()["git"]["pushStatus"], len(told(done))) == ("pushed", 1)


def test_a_commit_that_is_made_meanwhile_is_not_taken_for_pushed(
    done: Reviewed, slow: SlowRemote, remote: Path
) -> None:
    first = done.show()["git"]["commit"]
    with pushing(done, slow):
        done.edit()
        second = done.post("approve", commit=True).json()["git"]["commit"]
    branch = f"refs/heads/{done.show()['branch']}"
    assert git("rev-parse", branch, cwd=remote).strip() == first
    assert (done.show()["git"]["commit"], done.show()["git"]["pushStatus"]) == (second, None)
    assert done.post("push").status_code == 202
    carry_out_push(done.attempt.pk)
    assert (done.show()["git"]["pushStatus"], git("rev-parse", branch, cwd=remote).strip()) == ("pushed", second)
    assert told(done) == [("git_pushed", first), ("git_pushed", second)]


def test_of_a_project_that_is_archived_meanwhile_the_log_tells_what_came_of_it(
    done: Reviewed, slow: SlowRemote
) -> None:
    with pushing(done, slow):
        assert done.api.delete(f"/api/projects/{done.run.project_id}").status_code < 300
    assert (done.show()["git"]["pushStatus"], len(told(done))) == ("pushed", 1)


def test_of_a_project_that_was_archived_before_nothing_is_pushed(done: Reviewed, remote: Path) -> None:
    done.post("push")
    done.api.delete(f"/api/projects/{done.run.project_id}")
    carry_out_push(done.attempt.pk)
    shown = done.show()["git"]
    assert (shown["pushStatus"], shown["pushError"]["code"]) == ("failed", "project-not-ready")
    assert git("for-each-ref", "--format=%(refname)", cwd=remote).split() == ["refs/heads/main"]


def test_of_deliveries_at_once_one_tells(done: Reviewed) -> None:
    done.post("push")
    attempt = done.attempt.pk
    all_at_once(3, lambda _: carry_out_push(attempt))
    assert (done.show()["git"]["pushStatus"], len(told(done))) == ("pushed", 1)
