"""The way of a run's agent to its model: which vendor's, through a gateway of its own, with a token of its own."""

import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from config.api.params import read
from projects.leases import Lease
from runs.execution.agents.profile import ModelAccess
from runs.execution.errors import RunCannotGoOn
from runs.execution.gateway.meter import Meter
from runs.execution.gateway.server import open_gateway
from runs.execution.gateway.upstream import Upstream
from runs.execution.gateway.vendors import VENDORS
from runs.execution.network.ports import port_for
from runs.execution.sandbox.spec import Bridge
from runs.execution.sandbox.support import SandboxSupport
from runs.execution.way_out import is_loopback_own
from runs.models import Run
from settings_params.availability import default_model_of, known_providers, model_choice
from settings_params.errors import SecretUnreadable

PORT = 8317
"""Of the gateway, on the loopback of the sandbox."""
MOST_PATH_BYTES = 90
"""A unix socket's path may have about 100 (sun_path, unix(7))."""


@dataclass(frozen=True)
class ModelRoad:
    """How the agent of one sitting reaches its model. `access` goes into the sandbox, `upstreams` do not."""

    access: ModelAccess
    port: int
    upstreams: Mapping[str, Upstream] = field(repr=False)


def road_of(run: Run, support: SandboxSupport) -> ModelRoad | None:
    """None for an agent that has no model. RunCannotGoOn where nobody could be asked."""
    agent = run.selected_agent
    vendors = known_providers()[agent].vendors
    if not vendors:
        return None
    choice = model_choice(agent, run.selected_model or default_model_of(agent))
    if choice is None:
        raise RunCannotGoOn(
            "model-not-available",
            f"The agent {agent} has no model {run.selected_model} any more: its operator adds it to the models of "
            "its vendor (providers.VENDOR.models), or the run is made anew with another one.",
        )
    upstreams = {vendor: upstream for vendor in vendors if (upstream := _upstream(vendor)) is not None}
    if choice.vendor not in upstreams:
        setting = f"providers.{choice.vendor}.api_key"
        raise RunCannotGoOn("model-not-configured", f"There is no model server to ask: an operator sets {setting}.")
    port = port_for(PORT, is_loopback_own=is_loopback_own(support))
    access = ModelAccess(f"http://127.0.0.1:{port}", secrets.token_urlsafe(32), choice.vendor, choice.model)
    return ModelRoad(access, port, upstreams)


def _upstream(vendor: str) -> Upstream | None:
    try:
        key, address = read(f"providers.{vendor}.api_key"), read(f"providers.{vendor}.base_url")
    except SecretUnreadable as error:
        raise RunCannotGoOn("secret-unreadable", f"The key of {vendor} cannot be read: {error}") from error
    return Upstream(address or VENDORS[vendor].base_url, key) if key or address else None


@asynccontextmanager
async def opened(road: ModelRoad, run: Run, lease: Lease, meter: Meter) -> AsyncIterator[Bridge]:
    """The gateway listens while the body runs; the bridge leads to it from inside the sandbox."""
    with _socket(f"{run.pk}-{lease.generation}.sock") as socket:
        async with open_gateway(socket, road.upstreams, road.access.token, meter):
            yield Bridge(road.port, socket)


@contextmanager
def _socket(name: str) -> Iterator[Path]:
    """A place for a socket that nobody else on the machine gets at. In the home where its path is short enough."""
    folder = Path(settings.HOME) / "sockets"
    if len(os.fsencode(folder / name)) > MOST_PATH_BYTES:
        with tempfile.TemporaryDirectory(prefix="quarterdeck-", dir="/tmp") as short:
            yield Path(short) / "gateway.sock"
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    for left in folder.glob(f"{name.partition('-')[0]}-*.sock"):  # by a worker that was killed
        left.unlink(missing_ok=True)
    yield folder / name
