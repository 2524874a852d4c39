"""Pause and resume with a real agent process: it stands still, goes on where it was, or is ended and started again."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from rest_framework.test import APIClient

from projects.locks import LockNotFree, rest_lock
from projects.models import Project
from runs.execution.executor import execute
from runs.models import Run
from runs.queries import current_attempt
from runs.workers import stopping
from tests.conftest import QueueRun, working
from tests.processes import ENDED, alive, status
from tests.serving import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unlimited")]
DETACH_AFTER = "QUARTERDECK_PARAM_RUNS_PAUSE_DETACH_AFTER_MINUTES"
# A line a tick: what stands still writes none. It ends when `stop` is there.
TICKING = "```sh\nwhile ! test -e stop; do echo x >> ticks.txt; sleep 0.05; done\n```"


class Tree:
    """The work tree of a run's attempt, as the test looks into it."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def path(self, name: str) -> Path:
        attempt = current_attempt(self.run)
        assert attempt is not None
        assert attempt.workspace is not None
        return attempt.workspace.work_tree_path / name

    def is_lent(self) -> bool:
        """Whether the pause holds the agent still. A look at its files does so too, for moments, but lends no tree."""
        attempt = current_attempt(self.run)
        assert attempt is not None
        assert attempt.workspace is not None
        try:
            with rest_lock(attempt.workspace, wait_seconds=0):
                return is_still()
        except LockNotFree:
            return False

    def ticks(self) -> int:
        attempt = current_attempt(self.run)
        return self.path("ticks.txt").stat().st_size if attempt and self.path("ticks.txt").exists() else 0


_others: set[psutil.Process] = set()


@pytest.fixture(autouse=True)
def _leave_others_out() -> None:
    """Servers that earlier tests of this process share are no agents."""
    _others.clear()
    _others.update(agents())


def agents() -> list[psutil.Process]:
    children = psutil.Process(os.getpid()).children(recursive=True)
    return [each for each in alive(children) if each not in _others]


def is_still() -> bool:
    """Whether there are processes of agents, and all of them are stopped."""
    found = agents()
    return bool(found) and all(status(each) in {psutil.STATUS_STOPPED, *ENDED} for each in found)


@pytest.fixture
def told_to_stop() -> Iterator[Callable[[], None]]:
    """Tells this process, as SIGTERM would, to give its work back."""
    yield stopping.request
    stopping._requested.clear()


def test_a_paused_agent_stands_still_and_goes_on(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run(TICKING)
    tree = Tree(run)
    with working(run):
        wait_until(tree.ticks)
        assert api.post(f"/api/runs/{run.pk}/pause").json()["status"] == "paused"
        wait_until(tree.is_lent)
        still = tree.ticks()
        tree.path("stop").touch()
        assert (tree.ticks(), is_still()) == (still, True)
        answer = api.post(f"/api/runs/{run.pk}/resume")
        assert (answer.status_code, answer.json()["status"]) == (200, "running")
    run.refresh_from_db()
    assert run.status == "completed", run.error
    told = list(run.events.filter(event_type__startswith="run_").order_by("id").values_list("event_type", flat=True))
    assert told == ["run_created", "run_queued", "run_started", "run_paused", "run_resumed", "run_completed"]


def test_the_phases_tell_of_the_pause(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run(TICKING)
    with working(run):
        wait_until(Tree(run).ticks)
        api.post(f"/api/runs/{run.pk}/pause")
        Tree(run).path("stop").touch()
        api.post(f"/api/runs/{run.pk}/resume")
    phases = api.get(f"/api/runs/{run.pk}").json()["timeline"]["phases"]
    assert [each["phase"] for each in phases][2:4] == ["run_paused", "run_resumed"]


def test_a_cancel_of_a_paused_run_ends_its_agent(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run(TICKING)
    with working(run):
        wait_until(Tree(run).ticks)
        api.post(f"/api/runs/{run.pk}/pause")
        wait_until(is_still)
        assert api.post(f"/api/runs/{run.pk}/cancel").status_code == 200
    run.refresh_from_db()
    assert (run.status, run.has_agent, agents()) == ("cancelled", False, [])


def test_a_long_pause_ends_the_agent_and_keeps_the_run(
    queue_run: QueueRun, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DETACH_AFTER, "0")
    run = queue_run(f"```sh\necho once >> log.txt\n```\n{TICKING}")
    with working(run):
        wait_until(Tree(run).ticks)
        api.post(f"/api/runs/{run.pk}/pause")
    run.refresh_from_db()
    assert (run.status, run.has_agent, agents()) == ("paused", False, [])
    Tree(run).path("stop").touch()
    answer = api.post(f"/api/runs/{run.pk}/resume")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempt) == ("completed", 1), run.error
    assert Tree(run).path("log.txt").read_text() == "once\n"


def test_a_worker_that_stops_leaves_a_paused_run_paused(
    queue_run: QueueRun, api: APIClient, told_to_stop: Callable[[], None]
) -> None:
    run = queue_run(TICKING)
    with working(run):
        wait_until(Tree(run).ticks)
        api.post(f"/api/runs/{run.pk}/pause")
        wait_until(is_still)
        told_to_stop()
    run.refresh_from_db()
    assert (run.status, run.has_agent, agents()) == ("paused", False, [])


def test_a_pause_does_not_use_up_the_time(queue_run: QueueRun, api: APIClient) -> None:
    from datetime import timedelta

    from django.utils import timezone

    run = queue_run(TICKING)
    with working(run):
        wait_until(Tree(run).ticks)
        api.post(f"/api/runs/{run.pk}/pause")
        wait_until(is_still)
        paused_at = timezone.now() - timedelta(minutes=5)
        Run.objects.update(limit_from=timezone.now() - timedelta(minutes=121), paused_at=paused_at)
        Tree(run).path("stop").touch()
        api.post(f"/api/runs/{run.pk}/resume")
    run.refresh_from_db()
    assert run.status == "completed", run.error


def test_a_run_paused_before_its_agent_has_begun_waits(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run("```file a.txt\nA\n```")
    with working(run):
        wait_until(lambda: api.post(f"/api/runs/{run.pk}/pause").status_code == 200)
        wait_until(lambda: is_still() or not agents())
        run.refresh_from_db()
        assert run.status == "paused"
        wait_until(lambda: api.post(f"/api/runs/{run.pk}/resume").status_code == 200)
    run.refresh_from_db()
    assert run.status == "completed", run.error


def test_a_question_is_answered_while_the_run_is_paused(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run("```ask\nMay I go on?\n```\n```file a.txt\nA\n```")
    with working(run):
        asked = wait_until(lambda: run.permissions.first())
        api.post(f"/api/runs/{run.pk}/pause")
        wait_until(is_still)
        answer = api.post(f"/api/runs/{run.pk}/permissions/{asked.pk}", {"decision": "allow_once"})
        assert answer.status_code == 200
        api.post(f"/api/runs/{run.pk}/resume")
    run.refresh_from_db()
    assert (run.status, run.permissions.count()) == ("completed", 1)


@pytest.fixture
def ticking_setup(cloned: Project, api: APIClient) -> None:
    """The project's only setup command writes a line a tick until `stop` is there."""
    command = TICKING.removeprefix("```sh\n").removesuffix("\n```")
    assert api.put(f"/api/projects/{cloned.pk}", {"setupCommands": [command]}).status_code == 200


def phases_done(run: Run) -> list[tuple[str, int | None]]:
    return list(run.commands.order_by("id").values_list("phase", "exit_code"))


AFTER_SETUP = "```sh\ntest -e stop\n```"


@pytest.mark.usefixtures("ticking_setup")
def test_a_paused_setup_command_stands_still_and_goes_on(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run(AFTER_SETUP)
    tree = Tree(run)
    with working(run):
        wait_until(tree.ticks)
        api.post(f"/api/runs/{run.pk}/pause")
        wait_until(tree.is_lent)
        still = tree.ticks()
        tree.path("stop").touch()
        assert (tree.ticks(), is_still()) == (still, True)
        assert api.post(f"/api/runs/{run.pk}/resume").json()["status"] == "running"
    run.refresh_from_db()
    assert (run.status, run.error, phases_done(run)) == ("completed", None, [("setup", 0), ("agent", 0)])


@pytest.mark.usefixtures("ticking_setup")
def test_a_setup_command_that_a_long_pause_has_ended_begins_again(
    queue_run: QueueRun, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DETACH_AFTER, "0")
    run = queue_run(AFTER_SETUP)
    with working(run):
        wait_until(Tree(run).ticks)
        api.post(f"/api/runs/{run.pk}/pause")
    run.refresh_from_db()
    assert (run.status, run.has_agent, agents()) == ("paused", False, [])
    Tree(run).path("stop").touch()
    assert api.post(f"/api/runs/{run.pk}/resume").status_code == 202
    execute(run.pk)
    run.refresh_from_db()
    assert (run.status, phases_done(run)) == ("completed", [("setup", None), ("setup", 0), ("agent", 0)])
