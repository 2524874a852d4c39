"""What tests of runs share."""

from collections.abc import Iterator

import pytest

from runs.execution.model_server.server import ModelServer
from tests.runs.model_runs import give_a_model, model_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """A model server, and the script agent has it for a model."""
    with model_server() as server:
        give_a_model(monkeypatch, server)
        yield server
