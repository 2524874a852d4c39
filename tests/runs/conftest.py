"""What tests of runs share."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runs.execution.executor import execute
from runs.execution.model_server.server import ModelServer
from runs.models import Run
from runs.workers import stopping
from settings_params.models import AgentProvider
from tests.conftest import QueueRun, work_tree, working
from tests.runs.agents import hostile
from tests.runs.model_runs import give_a_model, model_server
from tests.serving import wait_until

QueueHostile = Callable[..., Run]


def finish(run: Run) -> Run:
    """Carries a queued run out here; it must be completed."""
    execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error) == ("completed", None)
    return run


def cut_short(run: Run, begun: str) -> None:
    """Ends a run, as SIGTERM to its worker does, once its agent has made a file of that name. It is queued again, with
    a file `go` in its work tree.
    """
    try:
        with working(run):
            wait_until(lambda: run.attempts.exists() and (work_tree(run) / begun).exists())
            stopping.request()
    finally:
        stopping._requested.clear()
    run.refresh_from_db()
    assert run.status == "queued"
    (work_tree(run) / "go").touch()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """A model server, and the script agent has it for a model."""
    with model_server() as server:
        give_a_model(monkeypatch, server)
        yield server


@pytest.fixture
def queue_hostile(queue_run: QueueRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QueueHostile:
    """Queues runs of an agent that does what a body says (see tests.runs.agents.hostile), safe mode off unless said.

    `agent` has more members of its record in `providers.custom_agents`.
    """

    def queue(body: str, **fields: Any) -> Run:
        record = hostile.record(tmp_path / "hostile", body) | fields.pop("agent", {})
        AgentProvider.objects.get_or_create(key="hostile", defaults={"enabled": True})
        monkeypatch.setenv("QUARTERDECK_PARAM_PROVIDERS_CUSTOM_AGENTS", json.dumps([record]))
        return queue_run(fields.pop("prompt", "Hello."), selected_agent="hostile", **fields)

    return queue
