"""A failed run is tried again: a new attempt on a new branch; what the old one left stays."""

import pytest
from rest_framework.test import APIClient

from runs.execution.executor import execute
from runs.models import Run
from tests.conftest import QueueRun

pytestmark = pytest.mark.django_db(transaction=True)
FAILING = "```file a.txt\nA\n```\n```sh\nexit 3\n```"


@pytest.fixture
def retried(carry_out_once: QueueRun, api: APIClient) -> Run:
    """A run whose first attempt failed and was rejected, and whose second one has failed too."""
    run = carry_out_once(FAILING, title="Try")
    api.post(f"/api/runs/{run.pk}/reject", {"notes": "No."})
    run.attempts.update(input_tokens=5)
    assert api.post(f"/api/runs/{run.pk}/retry").status_code == 202
    execute(run.pk)
    run.attempts.filter(number=2).update(input_tokens=7)
    run.refresh_from_db()
    return run


def test_a_retry_has_a_branch_and_a_work_tree_of_its_own(retried: Run, api: APIClient) -> None:
    shown = api.get(f"/api/runs/{retried.pk}").json()
    assert (shown["status"], shown["attempt"], shown["branch"]) == (
        "failed",
        2,
        f"quarterdeck/run-{retried.pk}-2-try",
    )
    assert retried.attempts.values("workspace").distinct().count() == 2


def test_a_retry_starts_without_review_and_git(retried: Run, api: APIClient) -> None:
    shown = api.get(f"/api/runs/{retried.pk}").json()
    assert (shown["review"], shown["git"], retried.reviews.count()) == (None, None, 1)


def test_usage_adds_up_over_attempts(retried: Run, api: APIClient) -> None:
    assert api.get(f"/api/runs/{retried.pk}").json()["usage"]["inputTokens"] == 12


def test_commands_and_snapshots_cover_all_attempts(retried: Run, api: APIClient) -> None:
    commands = api.get(f"/api/runs/{retried.pk}/commands").json()["data"]
    assert [each["attempt"] for each in commands] == [1, 2]
    snapshots = api.get(f"/api/runs/{retried.pk}/snapshots").json()["data"]
    assert [each["attempt"] for each in snapshots] == [2, 2, 1, 1]
    assert {event["attempt"] for event in api.get(f"/api/runs/{retried.pk}/events").json()["data"]} == {1, 2}


@pytest.mark.parametrize("route", ["commands", "events"])
def test_an_attempt_can_be_selected(retried: Run, api: APIClient, route: str) -> None:
    rows = api.get(f"/api/runs/{retried.pk}/{route}?attempt=1").json()["data"]
    assert {each["attempt"] for each in rows} == {1}


def test_files_diff_and_summary_are_the_latest_attempts(retried: Run, api: APIClient) -> None:
    retried.attempts.get(number=2).files.all().delete()
    path = f"/api/runs/{retried.pk}"
    assert api.get(f"{path}/files").json()["data"] == []
    assert [each["path"] for each in api.get(f"{path}/files?attempt=1").json()["data"]] == ["a.txt"]
    assert api.get(f"{path}/diff?attempt=1").json()["stats"]["files"] == 1
    assert api.get(f"{path}/summary?attempt=1").json()["outcome"] == "failed"


def test_a_message_that_nobody_has_read_goes_along(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out("```sh\ntest -e never\n```")
    run.messages.create(attempt=1, text="```sh\ntrue\n```")
    Run.objects.filter(pk=run.pk).update(prompt="Hello.")
    api.post(f"/api/runs/{run.pk}/retry")
    execute(run.pk)
    run.refresh_from_db()
    assert run.status == "completed", run.error
    assert run.commands.filter(attempt=2, command="true").exists()


@pytest.fixture
def second_try(carry_out: QueueRun, api: APIClient) -> Run:
    """A run that fails at first: each attempt writes its branch down, which only the second one has `-2-` in."""
    run = carry_out(
        "```sh\ngit branch --show-current > branch.txt\n```\n```sh\ngrep -e -2-try branch.txt\n```", title="Try"
    )
    api.post(f"/api/runs/{run.pk}/retry")
    execute(run.pk)
    return run


def test_attempts_stand_beside_each_other(second_try: Run, api: APIClient) -> None:
    first, second = api.get(f"/api/runs/{second_try.pk}/attempts").json()["data"]
    assert [(each["attempt"], each["outcome"]) for each in (first, second)] == [(1, "failed"), (2, "completed")]
    assert [(each["filesChanged"], each["additions"], each["deletions"]) for each in (first, second)] == [(1, 1, 0)] * 2
    assert first["branch"] != second["branch"]
    assert first["baseCommit"] == second["baseCommit"]
    assert first["tree"] != second["tree"]


def test_an_attempt_that_is_not_over_has_no_outcome_yet(run: Run, api: APIClient) -> None:
    run.attempts.create(number=1, branch="x", base_commit="0" * 40)
    (shown,) = api.get(f"/api/runs/{run.pk}/attempts").json()["data"]
    assert [shown[name] for name in ("outcome", "overview", "filesChanged", "hasWorkTree")] == [None, None, None, False]


def test_the_trees_of_two_attempts_are_compared_by_their_snapshots(second_try: Run, api: APIClient) -> None:
    snapshots = api.get(f"/api/runs/{second_try.pk}/snapshots").json()["data"]
    after = {each["attempt"]: each["id"] for each in snapshots if each["kind"] == "after_run"}
    answer = api.post(f"/api/snapshots/{after[1]}/compare", {"against": after[2]}).json()
    assert [(each["path"], each["changeType"]) for each in answer["files"]] == [("branch.txt", "updated")]
    lines = answer["diff"].splitlines()
    assert [line for line in lines if line.startswith(("-quarterdeck", "+quarterdeck"))] == [
        f"-quarterdeck/run-{second_try.pk}-1-try",
        f"+quarterdeck/run-{second_try.pk}-2-try",
    ]
