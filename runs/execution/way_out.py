"""What a run's sandbox reaches beside its model API, as `safety.network` says; its setup commands' as its agent's."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from asgiref.sync import sync_to_async

from config.api.params import read
from runs.events import Draft
from runs.execution.network.allowlist import Allowlist
from runs.execution.network.errors import NotReachable
from runs.execution.network.ports import PROXY_PORT, port_for
from runs.execution.network.proxy import Rules, open_proxy
from runs.execution.sandbox.spec import Bridge, SandboxSpec
from runs.execution.sandbox.support import SandboxSupport

NOT_BY_PROXY = "127.0.0.1,localhost,::1"
NOBODY = Allowlist(())
OPEN_NOTE = "The network is open (safety.network): the agent reaches all that this server's machine reaches."
UNHELD_NOTE = (
    "There is no sandbox: whatever safety.network says, the agent reaches all that this server's machine reaches."
)


@dataclass(frozen=True)
class WayOut:
    """What a sandbox is given for it. `note` is for the run's log, empty where the network is held.

    `allowlist` has the hosts that are let through, None: all. `param` is what closes the others.
    """

    bridges: tuple[Bridge, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    shares_network: bool = False
    note: str = ""
    allowlist: Allowlist | None = NOBODY
    param: str = "safety.network"

    def lets_through(self, host: str, port: int) -> bool:
        """Whether an agent may call that host, as far as its name says."""
        return self.allowlist is None or self.allowlist.lets_through(host, port)

    def given_to(self, spec: SandboxSpec) -> SandboxSpec:
        """The spec with it."""
        return replace(
            spec,
            bridges=(*spec.bridges, *self.bridges),
            environment={**spec.environment, **self.environment},
            shares_network=self.shares_network,
        )


def is_loopback_own(support: SandboxSupport) -> bool:
    """Whether sandboxes have a loopback of their own, where every port is free."""
    return support.is_available and read("safety.network") != "open"


@asynccontextmanager
async def open_way_out(
    support: SandboxSupport, tell: Callable[[Draft], None], *, also: Sequence[str] = ()
) -> AsyncIterator[WayOut]:
    """There while the body runs. `tell` gets what the proxy refuses, once for a host.

    `also` are hosts that are let through whatever the mode: those of the model, where an agent reaches it by itself.
    """
    network = await sync_to_async(read)("safety.network")
    note = "" if support.is_available else UNHELD_NOTE
    if network == "open":
        yield WayOut(shares_network=True, note=note or OPEN_NOTE, allowlist=None)
    elif network == "allowlist" or also:
        rules = await sync_to_async(_rules)(tell, also, is_listed=network == "allowlist")
        with tempfile.TemporaryDirectory(prefix="quarterdeck-") as folder:  # 0700
            async with open_proxy(Path(folder, "proxy.sock"), rules):
                way_out = await asyncio.to_thread(_by_proxy, Path(folder, "proxy.sock"), support)
                param = "safety.network_allowlist" if network == "allowlist" else "safety.network"
                yield replace(way_out, note=note, allowlist=rules.allowlist, param=param)
    else:
        yield WayOut(note=note)


def _rules(tell: Callable[[Draft], None], also: Sequence[str], *, is_listed: bool) -> Rules:
    def told(refusal: NotReachable) -> None:
        data = {"host": refusal.host, "port": refusal.port, "param": refusal.param}
        tell(Draft("log", f"Refused: {refusal.message}", "warning", data=data))

    listed = read("safety.network_allowlist") if is_listed else ()
    return Rules(Allowlist((*listed, *also)), read("safety.allow_private_hosts"), told)


def _by_proxy(socket: Path, support: SandboxSupport) -> WayOut:
    port = port_for(PROXY_PORT, is_loopback_own=support.is_available)
    address = f"http://127.0.0.1:{port}"
    environment = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), address)
    environment |= {"NO_PROXY": NOT_BY_PROXY, "no_proxy": NOT_BY_PROXY, "NODE_USE_ENV_PROXY": "1"}
    return WayOut((Bridge(port, socket),), environment)
