"""The summary of a log that a run keeps: whatever is appended, it says what counting the log would say."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from rest_framework.test import APIClient

from projects.leases import Lease
from runs.events import Draft, LeaseLost, append
from runs.models import Run
from tests.conftest import all_at_once

KINDS = ("run_queued", "run_started", "agent_message", "run_paused", "plan_updated", "run_resumed")


def detail(api: APIClient, run: Run) -> tuple[Any, Any]:
    answer = api.get(f"/api/runs/{run.pk}").json()
    return answer["timeline"], answer["lastEventId"]


def fill(run: Run) -> None:
    for n, kind in enumerate(KINDS):
        append(run, [Draft(kind, data={"entries": [{"content": f"step_{n}"}]}), Draft("log")])


@pytest.mark.django_db
def test_it_tells_counts_phases_and_the_newest_plan(api: APIClient, run: Run) -> None:
    fill(run)
    timeline, newest = detail(api, run)
    assert timeline["eventCounts"] == {**dict.fromkeys(KINDS, 1), "log": 6}
    assert [phase["phase"] for phase in timeline["phases"]] == [kind for kind in KINDS if kind.startswith("run_")]
    assert timeline["plan"] == [{"content": "step_4"}]
    assert newest == run.events.latest("id").pk


@pytest.mark.django_db
def test_phases_have_the_times_of_their_events(api: APIClient, run: Run) -> None:
    fill(run)
    rows = api.get(f"/api/runs/{run.pk}/events").json()["data"]
    told = [{"phase": row["eventType"], "at": row["createdAt"]} for row in rows if row["eventType"].startswith("run_")]
    assert detail(api, run)[0]["phases"] == told


@pytest.mark.django_db
def test_a_log_from_before_there_were_summaries_gets_one(api: APIClient, run: Run) -> None:
    fill(run)
    before = detail(api, run)
    Run.objects.update(timeline={"eventCounts": {}, "phases": [], "plan": None}, last_event_id=None)
    import_module("runs.migrations.0008_timeline").summarise_logs(apps, None)
    assert detail(api, run) == before


@pytest.mark.django_db
def test_what_is_refused_is_not_in_it(api: APIClient, run: Run) -> None:
    fill(run)
    before = detail(api, run)
    with pytest.raises(LeaseLost):
        append(run, [Draft("log")], lease=Lease(Run, run.pk, generation=99))
    assert detail(api, run) == before


@pytest.mark.django_db(transaction=True)
def test_of_many_writers_at_once_none_is_forgotten(api: APIClient, run: Run) -> None:
    all_at_once(8, lambda n: append(run, [Draft("log"), Draft("agent_message")]))
    timeline, newest = detail(api, run)
    assert timeline["eventCounts"] == {"log": 8, "agent_message": 8}
    assert newest == run.events.latest("id").pk
    assert list(run.events.order_by("id").values_list("seq", flat=True)) == list(range(1, 17))
