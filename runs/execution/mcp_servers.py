"""The MCP servers that a run's agent is given: its project's, but for those that it could not use, or not safely."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from projects.mcp_addresses import host_and_port
from projects.mcp_servers import unseal
from projects.models import McpServer as StoredServer
from projects.models import Project
from runs.events import Draft
from runs.execution.agents.client import AgentIdentity
from runs.execution.agents.mcp import McpServer
from runs.execution.agents.profile import AgentProfile
from runs.execution.way_out import WayOut
from runs.known_secrets import mcp_secrets
from settings_params.errors import SecretUnreadable


@dataclass(frozen=True)
class ProjectServers:
    """Those that are enabled, and the names of those whose values no key opens."""

    opened: tuple[McpServer, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def secrets(self) -> dict[str, str]:
        """Their values, by the names that stand in place of them."""
        return {name: value for each in self.opened for name, value in mcp_secrets(each.name, each.values).items()}

    def given_to(
        self, profile: AgentProfile, identity: AgentIdentity, way_out: WayOut, *, is_safe: bool
    ) -> tuple[tuple[McpServer, ...], list[Draft]]:
        """Those for this agent, and what the run's log says of it."""
        reasons = {each.name: _obstacle(each, profile, identity, way_out, is_safe) for each in self.opened}
        given = tuple(each for each in self.opened if not reasons[each.name])
        told = list(_told([each.name for each in given]))
        told += [_left_out(name, reason) for name, reason in reasons.items() if reason]
        return given, [*told, *(_left_out(name, "no encryption key opens its values") for name in self.unreadable)]


def servers_of(project: Project) -> ProjectServers:
    """As they are stored now."""
    opened, unreadable = [], []
    for server in project.mcp_servers.filter(enabled=True).order_by("id"):
        try:
            opened.append(_opened(server))
        except SecretUnreadable:
            unreadable.append(server.name)
    return ProjectServers(tuple(opened), tuple(unreadable))


def _opened(server: StoredServer) -> McpServer:
    values = unseal(server.secret)
    return McpServer(server.name, server.kind, server.command, tuple(server.args), server.url, values)


def _obstacle(server: McpServer, profile: AgentProfile, identity: AgentIdentity, way_out: WayOut, is_safe: bool) -> str:
    """Why the agent is not given it; empty where it is."""
    if is_safe and not profile.asks_for_mcp:
        return f"in safe mode, and it is not known that {profile.name} asks before it uses its tools"
    if server.kind not in identity.mcp_kinds:
        return f"{profile.name} takes no MCP servers of the kind {server.kind}"
    if server.url:
        host, port = host_and_port(server.url)
        return "" if way_out.lets_through(host, port) else f"{host}:{port} is closed by {way_out.param}"
    return ""


def _told(names: Sequence[str]) -> Iterator[Draft]:
    if names:
        yield Draft("log", f"The agent is given the MCP servers {', '.join(names)}.", data={"mcpServers": list(names)})


def _left_out(name: str, reason: str) -> Draft:
    text = f"The agent is not given the MCP server {name}: {reason}."
    return Draft("log", text, "warning", data={"mcpServer": name, "reason": reason})
