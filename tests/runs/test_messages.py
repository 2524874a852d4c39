"""Follow-ups with a real agent: read in order, in the same session, on the same branch, and never lost."""

import pytest
from rest_framework.test import APIClient

from projects.leases import Lease
from runs.execution.executor import execute
from runs.models import Run, RunMessage
from runs.services.lifecycle import complete_run
from tests.conftest import QueueRun, all_at_once, work_tree, working
from tests.serving import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unlimited")]
FIRST = "```sh\necho one >> log.txt\n```"
WAITING = FIRST + "\n```sh\nwhile ! test -e go; do sleep 0.05; done\n```"


def line(word: str) -> str:
    return f"```sh\necho {word} >> log.txt\n```"


def send(api: APIClient, run: Run, text: str) -> int:
    return int(api.post(f"/api/runs/{run.pk}/messages", {"text": text}).status_code)


def log_of(run: Run) -> str:
    return (work_tree(run) / "log.txt").read_text()


def test_messages_to_a_running_run_are_read_in_order(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run(WAITING)
    with working(run):
        wait_until(lambda: run.commands.count() == 2)
        assert [send(api, run, line(word)) for word in ("two", "three")] == [202, 202]
        send(api, run, "Thank you.")
        (work_tree(run) / "go").touch()
    run.refresh_from_db()
    assert (run.status, log_of(run)) == ("completed", "one\ntwo\nthree\n"), run.error
    assert set(run.messages.values_list("status", flat=True)) == {"done"}
    assert run.attempts.get().number == 1


def test_a_message_to_a_completed_run_goes_on_in_its_session(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out(FIRST)
    before = api.get(f"/api/runs/{run.pk}").json()
    answer = api.post(f"/api/runs/{run.pk}/messages", {"text": line("two")})
    assert (answer.status_code, answer.json()["status"], answer.json()["finishedAt"]) == (202, "queued", None)
    execute(run.pk)
    after = api.get(f"/api/runs/{run.pk}").json()
    assert (after["status"], log_of(run)) == ("completed", "one\ntwo\n"), after["error"]
    assert (after["branch"], after["attempt"]) == (before["branch"], 1)
    assert after["tree"] != before["tree"]
    assert len(set(run.attempts.values_list("session_id", flat=True))) == 1


def test_what_is_committed_before_a_follow_up_is_the_parent_of_the_next(carry_out: QueueRun, api: APIClient) -> None:
    from projects.workspaces import open_repository

    run = carry_out(FIRST)
    first = api.post(f"/api/runs/{run.pk}/approve", {"commit": True}).json()["git"]["commit"]
    send(api, run, line("two"))
    execute(run.pk)
    shown = api.get(f"/api/runs/{run.pk}").json()
    assert shown["review"]["stale"] is True
    second = api.post(f"/api/runs/{run.pk}/approve", {"commit": True}).json()["git"]["commit"]
    assert open_repository(run.project).read_commit(second).parents == (first,)


def test_a_message_to_a_paused_run_is_read_after_the_resume(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run(WAITING)
    with working(run):
        wait_until(lambda: run.commands.count() == 2)
        api.post(f"/api/runs/{run.pk}/pause")
        assert send(api, run, line("two")) == 202
        (work_tree(run) / "go").touch()
        assert run.messages.get().status == "pending"
        api.post(f"/api/runs/{run.pk}/resume")
    run.refresh_from_db()
    assert (run.status, log_of(run)) == ("completed", "one\ntwo\n"), run.error


def test_a_run_does_not_complete_while_a_message_waits(run: Run) -> None:
    Run.objects.update(status="running", lease_generation=1)
    message = run.messages.create(attempt=1, text="And this.")
    lease = Lease(Run, run.pk, 1)
    assert complete_run(run, lease) is False
    run.refresh_from_db()
    assert run.status == "running"
    RunMessage.objects.filter(pk=message.pk).update(status="done")
    assert complete_run(run, lease) is True


def test_a_message_at_the_moment_of_completion_is_never_lost(api: APIClient, run: Run) -> None:
    for generation in range(1, 9):
        Run.objects.update(status="running", lease_generation=generation)
        RunMessage.objects.all().delete()
        lease = Lease(Run, run.pk, generation)

        def race(number: int, lease: Lease = lease) -> int:
            if number:
                return send(api, run, "And this.")
            return int(complete_run(Run.objects.get(pk=run.pk), lease))

        completed, sent = all_at_once(2, race)
        run.refresh_from_db()
        assert (sent, run.messages.filter(status="pending").count()) == (202, 1)
        assert run.status == ("queued" if completed else "running")


def test_a_message_that_comes_when_the_agent_has_gone_is_read_by_a_new_one(
    queue_run: QueueRun, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runs.execution import results

    run = queue_run(FIRST)
    record = results.record_results
    sent: list[int] = []

    def record_and_send(*arguments: object) -> None:
        record(*arguments)  # type: ignore[arg-type] # as it was called
        if not sent:
            sent.append(send(api, run, line("two")))

    monkeypatch.setattr(results, "record_results", record_and_send)
    execute(run.pk)
    run.refresh_from_db()
    assert (sent, run.status, log_of(run)) == ([202], "completed", "one\ntwo\n"), run.error


def test_a_message_whose_work_fails_fails_the_run(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out(FIRST)
    send(api, run, "```sh\nexit 4\n```")
    execute(run.pk)
    run.refresh_from_db()
    assert run.status == "failed"
    assert run.error is not None
    assert "4" in run.error["message"]


def test_a_follow_up_has_the_whole_time_limit(carry_out: QueueRun, api: APIClient) -> None:
    from datetime import timedelta

    run = carry_out(FIRST)
    assert run.limit_from is not None
    Run.objects.update(limit_from=run.limit_from - timedelta(days=9), started_at=run.limit_from - timedelta(days=9))
    send(api, run, line("two"))
    execute(run.pk)
    run.refresh_from_db()
    assert run.status == "completed", run.error
