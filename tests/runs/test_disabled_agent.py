"""Runs whose agent an operator has disabled meanwhile are not set going, by none of the doors."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from runs.models import Run
from settings_params.services.providers import change_provider
from tests.config.answers import problem

pytestmark = pytest.mark.django_db
REFUSED = (409, "agent-not-enabled")


@pytest.fixture(autouse=True)
def disabled(run: Run) -> None:
    """The agent is disabled once the draft is there."""
    change_provider(run.selected_agent, actor=None, enabled=False)


def test_a_draft_is_not_started(api: APIClient, run: Run) -> None:
    answer = api.post(f"/api/runs/{run.pk}/start")
    run.refresh_from_db()
    assert (problem(answer), answer.json()["currentStatus"], run.status) == (REFUSED, "draft", "draft")


def test_a_draft_is_started_once_the_agent_is_enabled_again(api: APIClient, run: Run) -> None:
    change_provider(run.selected_agent, actor=None, enabled=True)
    assert api.post(f"/api/runs/{run.pk}/start").status_code == 202


def test_a_failed_run_is_not_tried_again(api: APIClient, run: Run) -> None:
    Run.objects.update(status="failed")
    assert problem(api.post(f"/api/runs/{run.pk}/retry")) == REFUSED


def test_a_message_does_not_queue_a_completed_run(api: APIClient, run: Run) -> None:
    Run.objects.update(status="completed")
    assert problem(api.post(f"/api/runs/{run.pk}/messages", {"text": "Go on."})) == REFUSED
    assert not run.messages.exists()


def test_a_run_under_way_is_told_that_it_cannot_be_started(api: APIClient, run: Run) -> None:
    Run.objects.update(status="running")
    assert problem(api.post(f"/api/runs/{run.pk}/start")) == (409, "run-not-startable")


def test_the_console_refuses_too(client: Client, run: Run) -> None:
    client.force_login(User.objects.create_superuser("operator@example.com"))
    form = {"action": "start", "_selected_action": [run.pk]}
    page = client.post(reverse("admin:runs_run_changelist"), form, follow=True)
    run.refresh_from_db()
    assert ("is not enabled" in page.content.decode(), run.status) == (True, "draft")


def test_the_command_line_refuses_too(run: Run) -> None:
    User.objects.create_superuser("operator@example.com")
    with pytest.raises(CommandError, match="is not enabled"):
        call_command("runs", "start", str(run.pk), stdout=StringIO())
