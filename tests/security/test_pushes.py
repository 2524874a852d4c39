"""No order of calls pushes what was not approved last, or says that something was pushed that was not."""

from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from runs.models import Run, RunAttempt
from runs.services.publishing import carry_out_push
from tests.conftest import QueueRun, git

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("allow_local")]


class Committed:
    """A run whose first tree was approved and committed, with its doors."""

    def __init__(self, api: APIClient, run: Run) -> None:
        self.api, self.run = api, run
        self.post("approve", commit=True)

    def post(self, action: str, **body: Any) -> Any:
        return self.api.post(f"/api/runs/{self.run.pk}/{action}", body)

    @property
    def attempt(self) -> RunAttempt:
        return RunAttempt.objects.select_related("workspace__project").get()

    def edit(self) -> None:
        workspace = self.attempt.workspace
        assert workspace is not None
        (workspace.work_tree_path / "later.txt").write_text("later\n")

    def queue_and_push(self) -> None:
        assert self.post("push").status_code == 202
        carry_out_push(self.attempt.pk)


@pytest.fixture
def committed(api: APIClient, carry_out_once: QueueRun) -> Committed:
    return Committed(api, carry_out_once("```file note.txt\nhello\n```"))


def branches(remote: Path) -> list[str]:
    return git("for-each-ref", "--format=%(refname:short)", "refs/heads", cwd=remote).split()


def test_a_commit_is_not_pushed_on_the_approval_of_another_tree(committed: Committed, remote: Path) -> None:
    committed.post("reject")
    committed.edit()
    committed.post("approve")
    answer = committed.post("push")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing-to-commit")


def test_a_rejection_after_the_push_was_queued_stops_it(committed: Committed, remote: Path) -> None:
    committed.post("push")
    committed.post("reject")
    carry_out_push(committed.attempt.pk)
    assert (committed.attempt.push_error or {}).get("code") == "approval-stale"
    assert branches(remote) == ["main"]


def test_leave_withdrawn_after_the_push_was_queued_stops_it(
    committed: Committed, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed.post("push")
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_AUTO_GIT_PUSH", "false")
    carry_out_push(committed.attempt.pk)
    assert (committed.attempt.push_error or {}).get("code") == "push-disabled"
    assert branches(remote) == ["main"]


def test_a_new_commit_takes_the_place_of_a_queued_push(committed: Committed, remote: Path) -> None:
    committed.post("push")
    committed.edit()
    committed.post("approve", commit=True)
    carry_out_push(committed.attempt.pk)
    assert (committed.attempt.push_status, branches(remote)) == (None, ["main"])


def test_after_a_new_commit_the_next_push_brings_it(committed: Committed, remote: Path) -> None:
    committed.queue_and_push()
    committed.edit()
    committed.post("approve", commit=True)
    committed.queue_and_push()
    assert git("rev-parse", committed.attempt.branch, cwd=remote).strip() == committed.attempt.commit
