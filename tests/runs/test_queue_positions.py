"""`queuePosition`: a run's place in the queue over all projects, in lists and in its detail."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from projects.models import Project
from runs.models import Run

pytestmark = pytest.mark.django_db


def test_a_place_counts_the_runs_of_all_projects_that_wait_longer(api: APIClient, run: Run) -> None:
    elsewhere = Project.objects.create(name="Other", slug="other")
    now = timezone.now()
    for project, minutes in ((elsewhere, 3), (run.project, 2), (elsewhere, 1), (run.project, 0)):
        at = now - timedelta(minutes=minutes)
        Run.objects.create(project=project, title="x", prompt="x", status="queued", queued_at=at)
    rows = api.get("/api/runs").json()["data"]
    places = {row["id"]: row["queuePosition"] for row in rows}
    assert list(places.values()) == [4, 2, None]  # newest first; the draft waits for nothing
    assert {pk: api.get(f"/api/runs/{pk}").json()["queuePosition"] for pk in places} == places
