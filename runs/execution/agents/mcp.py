"""Servers of the Model Context Protocol as an agent is given them with a session; holds facts and does nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acp.schema import AcpMcpServer, HttpMcpServer, McpServerStdio, SseMcpServer


@dataclass(frozen=True, slots=True)
class McpServer:
    """``kind`` is ``stdio`` (a program that the agent starts), ``http`` or ``sse`` (an address that it calls).

    ``values`` are the variables of the program's environment, or the headers, and secret.
    """

    name: str
    kind: str
    command: str = ""
    args: tuple[str, ...] = ()
    url: str = ""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


def in_acp(server: McpServer) -> "HttpMcpServer | SseMcpServer | AcpMcpServer | McpServerStdio":
    """It as ``session/new`` and ``session/load`` have it (agentclientprotocol.com, "Session Setup")."""
    from acp.schema import EnvVariable, HttpHeader, HttpMcpServer, McpServerStdio, SseMcpServer

    if server.kind == "stdio":
        env = [EnvVariable(name=name, value=value) for name, value in server.values.items()]
        return McpServerStdio(name=server.name, command=server.command, args=list(server.args), env=env)
    headers = [HttpHeader(name=name, value=value) for name, value in server.values.items()]
    if server.kind == "http":
        return HttpMcpServer(type="http", name=server.name, url=server.url, headers=headers)
    return SseMcpServer(type="sse", name=server.name, url=server.url, headers=headers)
