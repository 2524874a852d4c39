"""`bin/manage rescue_refs` and the console: what was kept of removed work trees is listed, and dropped on request."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import AuditEntry, User
from projects.workspaces import open_repository
from runs.models import Run, RunAttempt
from runs.services.rescued import drop_rescue_refs_of
from tests.conftest import QueueRun
from tests.runs.test_pruning import LONG_AGO, PROMPT, prune

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


def manage(*arguments: object) -> list[dict[str, Any]]:
    output = io.StringIO()
    call_command("rescue_refs", *map(str, arguments), "--json", stdout=output)
    rows: list[dict[str, Any]] = json.loads(output.getvalue())
    return rows


@pytest.fixture
def rescued(carry_out_once: QueueRun) -> Run:
    """Its work tree was removed, and its work is kept."""
    run = carry_out_once(PROMPT)
    Run.objects.update(finished_at=timezone.now() - LONG_AGO)
    prune()
    return run


def test_one_is_listed_dropped_and_written_into_the_audit(rescued: Run) -> None:
    attempt = rescued.attempts.get()
    (row,) = manage("list")
    assert (row["projectId"], row["ref"]) == (rescued.project_id, attempt.rescue_ref)
    assert row["subject"].startswith(f"Work tree of run {rescued.pk}")
    assert manage("list", "--project", rescued.project_id) == [row]

    assert manage("drop", rescued.project_id, row["ref"]) == [row]

    assert manage("list") == []
    attempt.refresh_from_db()
    assert (attempt.rescue_ref, attempt.rescue_dropped_at is None) == ("", False)
    assert AuditEntry.objects.get(action="rescue_ref_dropped").detail["commit"] == row["commit"]


@pytest.mark.parametrize("ref", ["refs/quarterdeck/rescue/none", "refs/heads/main", "refs/quarterdeck/snapshots"])
def test_nothing_else_is_dropped(rescued: Run, ref: str) -> None:
    before = open_repository(rescued.project).refs("refs/")
    with pytest.raises(CommandError):
        manage("drop", rescued.project_id, ref)
    assert open_repository(rescued.project).refs("refs/") == before


def test_the_console_drops_those_of_an_attempt(rescued: Run, user: User) -> None:
    drop_rescue_refs_of(RunAttempt.objects.get(), actor=user)
    assert manage("list") == []


def test_no_such_project(db: None) -> None:
    with pytest.raises(CommandError):
        manage("list", "--project", 999)
