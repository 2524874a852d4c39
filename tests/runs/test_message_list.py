"""Messages are listed with what has become of them, and can be withdrawn until an agent has been given them."""

import pytest
from rest_framework.test import APIClient

from runs.execution.executor import execute
from runs.models import Run
from tests.conftest import QueueRun, all_at_once, working
from tests.runs.test_messages import FIRST, WAITING, line, log_of, send
from tests.serving import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unlimited")]


def listed(api: APIClient, run: Run) -> list[tuple[str, str]]:
    return [(each["text"], each["status"]) for each in api.get(f"/api/runs/{run.pk}/messages").json()["data"]]


def test_a_message_is_listed_with_what_becomes_of_it(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out(FIRST)
    send(api, run, "Thank you.")
    (waiting,) = api.get(f"/api/runs/{run.pk}/messages").json()["data"]
    assert (waiting["runId"], waiting["attempt"], waiting["status"]) == (run.pk, 1, "pending")
    assert (waiting["createdBy"], waiting["deliveredAt"]) == ("anna@example.com", None)
    execute(run.pk)
    (read,) = api.get(f"/api/runs/{run.pk}/messages").json()["data"]
    assert read["status"] == "done"
    assert read["deliveredAt"] is not None
    told = [body for body in run.events.filter(event_type="log").values_list("body", flat=True) if "messageId" in body]
    assert len(told) == 1
    assert f'"data":{{"messageId":{read["id"]},"messageStatus":"given"}}' in told[0]


def test_a_withdrawn_message_is_read_by_nobody(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run(WAITING)
    with working(run):
        wait_until(lambda: run.commands.count() == 2)
        for word in ("two", "three"):
            send(api, run, line(word))
        two = run.messages.order_by("id").first()
        assert two is not None
        path = f"/api/runs/{run.pk}/messages/{two.pk}"
        assert [api.delete(path).status_code for _ in range(2)] == [204, 204]
        attempt = run.attempts.select_related("workspace").get()
        assert attempt.workspace is not None
        (attempt.workspace.work_tree_path / "go").touch()
    run.refresh_from_db()
    assert (run.status, log_of(run)) == ("completed", "one\nthree\n"), run.error
    assert listed(api, run) == [(line("two"), "withdrawn"), (line("three"), "done")]
    assert run.events.filter(event_type="log", body__contains='"messageStatus":"withdrawn"').count() == 1


def test_a_message_that_was_given_to_the_agent_stays(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out(FIRST)
    send(api, run, "Thank you.")
    execute(run.pk)
    answer = api.delete(f"/api/runs/{run.pk}/messages/{run.messages.get().pk}")
    body = answer.json()
    assert (answer.status_code, body["code"], body["messageStatus"]) == (409, "message-not-withdrawable", "done")
    assert (body["runId"], body["currentStatus"]) == (run.pk, "completed")
    assert listed(api, run) == [("Thank you.", "done")]


def test_a_run_that_was_queued_for_a_withdrawn_message_completes_again(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out(FIRST)
    send(api, run, line("two"))
    assert api.delete(f"/api/runs/{run.pk}/messages/{run.messages.get().pk}").status_code == 204
    execute(run.pk)
    run.refresh_from_db()
    assert (run.status, log_of(run)) == ("completed", "one\n"), run.error


def test_a_message_that_is_dropped_with_its_run_cannot_be_withdrawn(api: APIClient, run: Run) -> None:
    Run.objects.update(status="running")
    send(api, run, "And this.")
    api.post(f"/api/runs/{run.pk}/cancel")
    answer = api.delete(f"/api/runs/{run.pk}/messages/{run.messages.get().pk}")
    assert (answer.status_code, answer.json()["messageStatus"]) == (409, "dropped")


def test_of_a_withdrawal_and_a_delivery_at_once_one_wins(api: APIClient, run: Run) -> None:
    from projects.leases import Lease
    from runs.execution.prompts import Prompt, begin

    attempt = run.attempts.create(number=1, branch="x", base_commit="0" * 40)
    for generation in range(1, 7):
        Run.objects.update(status="running", lease_generation=generation)
        message = run.messages.create(attempt=1, text="And this.")
        path = f"/api/runs/{run.pk}/messages/{message.pk}"
        lease = Lease(Run, run.pk, generation)

        prompt = Prompt("x", message.text, message)

        def race(number: int, path: str = path, prompt: Prompt = prompt, lease: Lease = lease) -> int:
            return int(api.delete(path).status_code if number else begin(prompt, attempt, lease))

        given, answered = all_at_once(2, race)
        message.refresh_from_db()
        assert (given, answered, message.status) in [(True, 409, "given"), (False, 204, "withdrawn")]


def test_another_runs_message_is_not_found(api: APIClient, run: Run) -> None:
    other = Run.objects.create(project=run.project, title="Other", prompt="x", selected_agent="script")
    message = other.messages.create(attempt=1, text="x")
    assert api.delete(f"/api/runs/{run.pk}/messages/{message.pk}").status_code == 404
