"""The scripted model behind a checked agent, which reaches it by a gateway, as a run's agent does."""

import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from runs.execution.agents.profile import ModelAccess
from runs.execution.checking.findings import StepFailed
from runs.execution.checking.trial import Candidate
from runs.execution.gateway.meter import Call
from runs.execution.gateway.server import open_gateway
from runs.execution.gateway.upstream import Upstream
from runs.execution.gateway.usage import Usage
from runs.execution.model_server.server import ModelServer
from runs.execution.sandbox.spec import Bridge

PORT = 8317
MODEL = "scripted"


@dataclass(slots=True)
class Tally:
    """A meter (runs/execution/gateway/meter.py) that lets every call pass and counts."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    async def admit(self, call: Call) -> None:
        """Every call."""

    def settle(self, call: Call, usage: Usage) -> None:
        self.calls += 1
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens


@dataclass(slots=True)
class Model:
    """How an agent gets at its model, and what was counted on the way. ``access`` None: it needs none."""

    access: ModelAccess | None = None
    bridges: tuple[Bridge, ...] = ()
    server: ModelServer | None = None
    key: str = ""
    tally: Tally = field(default_factory=Tally)

    async def counted(self) -> str:
        """StepFailed unless the gateway counted the tokens that the model claimed, and put the key in."""
        if self.server is None:
            return "it needs no model"
        requests, tally = self.server.requests, self.tally
        claimed = [sum(request.usage.input_tokens for request in requests)]
        claimed.append(sum(request.usage.output_tokens for request in requests))
        if not requests or claimed != [tally.input_tokens, tally.output_tokens]:
            raise StepFailed(
                f"The model claimed {claimed} tokens, the gateway counted {[tally.input_tokens, tally.output_tokens]}."
            )
        if any(request.key != self.key for request in requests):
            raise StepFailed("A call reached the model without the server's key.")
        return f"{tally.calls} calls, {tally.input_tokens} in, {tally.output_tokens} out"


@asynccontextmanager
async def reach_model(candidate: Candidate) -> AsyncIterator[Model]:
    """A model server and a gateway to it, for an agent that needs a model."""
    if candidate.vendor is None:
        yield Model()
        return
    token, key = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    # Not in the place of the check: the path of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="quarterdeck-check-") as folder:
        socket = Path(folder) / "gateway.sock"
        async with ModelServer(models=(MODEL,)) as server:
            upstreams, tally = {candidate.vendor: Upstream(server.url, key)}, Tally()
            async with open_gateway(socket, upstreams, token, tally):
                access = ModelAccess(f"http://127.0.0.1:{PORT}", token, candidate.vendor, MODEL)
                yield Model(access, (Bridge(PORT, socket),), server, key, tally)
