"""In safe mode no agent gets tools that it may use without asking."""

import pytest

from runs.execution.agents.client import AgentIdentity
from runs.execution.agents.mcp import McpServer
from runs.execution.agents.registry import PROFILES
from runs.execution.mcp_servers import ProjectServers
from runs.execution.way_out import WayOut

pytestmark = pytest.mark.plumbing
SERVERS = ProjectServers((McpServer("tools", "stdio", "/usr/bin/tools"),))
IDENTITY = AgentIdentity("x", "1", can_load_session=True)


@pytest.mark.parametrize("key", PROFILES)
def test_an_agent_that_is_not_known_to_ask_has_none_in_safe_mode(key: str) -> None:
    profile = PROFILES[key]
    given, told = SERVERS.given_to(profile, IDENTITY, WayOut(), is_safe=True)
    assert bool(given) == profile.asks_for_mcp
    assert profile.asks_for_mcp or "in safe mode" in told[0].message


@pytest.mark.parametrize("key", PROFILES)
def test_without_safe_mode_every_agent_has_them(key: str) -> None:
    given, _ = SERVERS.given_to(PROFILES[key], IDENTITY, WayOut(), is_safe=False)
    assert [each.name for each in given] == ["tools"]
