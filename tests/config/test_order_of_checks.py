"""What is not there is 404 before a wrong query parameter is told (400) and before a role is (403)."""

import pytest
from rest_framework.test import APIClient

from projects.models import Membership
from runs.models import Run
from tests.config.answers import problem

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["files/999", "commands/999", "files/999?attempt=x", "files?attempt=x", "events?severity=x"]
)
def test_a_part_of_a_run_that_is_not_there_is_404_whatever_its_parameters(api: APIClient, run: Run, path: str) -> None:
    there = run.pk if "999" in path else 999
    wrong = path if "?" in path else f"{path}?unknown=1"
    assert problem(api.get(f"/api/runs/{there}/{wrong}")) == (404, "not-found")


def test_a_document_that_there_is_not_is_404_whatever_its_parameters(api: APIClient, run: Run) -> None:
    assert problem(api.get(f"/api/projects/{run.project_id}/docs/nothing?unknown=1")) == (404, "not-found")


def test_a_question_that_is_not_there_is_404_for_everybody_who_sees_the_run(api: APIClient, run: Run) -> None:
    Membership.objects.update(role="viewer")
    answer = api.post(f"/api/runs/{run.pk}/permissions/999", {"decision": "reject"})
    assert problem(answer) == (404, "not-found")
    assert problem(api.post(f"/api/runs/{run.pk}/permissions/999?unknown=1", {})) == (404, "not-found")
