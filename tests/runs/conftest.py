"""What tests of runs share."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runs.execution.model_server.server import ModelServer
from runs.models import Run
from settings_params.models import AgentProvider
from tests.conftest import QueueRun
from tests.runs.agents import hostile
from tests.runs.model_runs import give_a_model, model_server

QueueHostile = Callable[..., Run]


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
