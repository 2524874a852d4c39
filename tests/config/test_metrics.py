"""`/metrics`: who may read it, and what it tells."""

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from projects.models import Project
from runs.models import Run
from runs.services.counting import recount_runs
from runs.tasks import execute_run
from tests.config.answers import problem
from tests.conftest import MakeApi, MakeUser

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(make_user: MakeUser, make_api: MakeApi) -> APIClient:
    """An operator's client."""
    return make_api(make_user("op@example.com", is_staff=True))


def samples(client: APIClient) -> dict[str, float]:
    """Name with labels → value."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    rows = [line.rsplit(" ", 1) for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in rows}


def test_it_is_not_public(db: None) -> None:
    assert problem(APIClient().get("/metrics")) == (401, "unauthenticated")


def test_it_is_not_for_everybody_who_is_signed_in(api: APIClient) -> None:
    assert problem(api.get("/metrics")) == (403, "role-required")


def test_it_needs_the_ability_to_read_settings(make_user: MakeUser, make_api: MakeApi) -> None:
    client = make_api(make_user("op@example.com", is_staff=True), "projects:read")
    assert problem(client.get("/metrics")) == (403, "missing-ability")


def test_an_operator_can_make_it_public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_API_PUBLIC_METRICS", "true")
    assert samples(APIClient())


def test_it_counts_runs_by_status(operator: APIClient, run: Run) -> None:
    recount_runs()
    found = samples(operator)
    assert found['quarterdeck_runs{status="draft"}'] == 1
    assert found['quarterdeck_runs{status="running"}'] == 0


def test_it_tells_of_tasks_that_wait(operator: APIClient, run: Run) -> None:
    execute_run.enqueue(run.pk)
    found = samples(operator)
    assert found['quarterdeck_queue_tasks{queue="runs",status="ready"}'] == 1
    assert found['quarterdeck_queue_oldest_seconds{queue="runs"}'] > 0
    assert found['quarterdeck_queue_tasks{queue="default",status="ready"}'] == 0


@pytest.mark.parametrize(
    "name",
    [
        *("quarterdeck_disk_free_bytes", "quarterdeck_database_bytes", "quarterdeck_events_total"),
        *("quarterdeck_pending_permissions", 'quarterdeck_workers{queue="runs"}', "process_resident_memory_bytes"),
    ],
)
def test_it_tells(operator: APIClient, project: Project, user: User, name: str) -> None:
    assert name in samples(operator)
