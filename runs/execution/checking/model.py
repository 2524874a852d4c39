"""The scripted model behind a checked agent, which reaches it by the gateway, as a run's does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from runs.execution.agents.profile import ModelAccess
from runs.execution.checking.place import Place
from runs.execution.checking.trial import Candidate


@dataclass(slots=True)
class Model:
    """How the agent gets at it, and what was counted. ``access`` None: it needs none."""

    access: ModelAccess | None = None

    async def counted(self) -> str:
        """The tokens that the gateway counted are those that the model claimed."""
        return "it needs no model"


@asynccontextmanager
async def reach_model(candidate: Candidate, place: Place) -> AsyncIterator[Model]:
    """A model server and a gateway to it, for an agent that needs a model."""
    yield Model()
