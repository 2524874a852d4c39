"""A project's MCP servers: added, changed, removed. Owners do; all of it is audited, without a value."""

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import audit
from projects.errors import McpServerNameTaken, McpServersFull
from projects.mcp_servers import is_local, origin_of, seal, unseal
from projects.models import McpServer, Project
from projects.services.lifecycle import lock_writable

MOST_SERVERS = 20


@dataclass(frozen=True)
class GivenServer:
    """A server as its owner wants it. A value None stays as it is stored."""

    name: str
    kind: str
    enabled: bool
    command: str
    args: list[str]
    url: str
    secrets: dict[str, str | None] = field(repr=False)


@transaction.atomic
def add_server(project: Project, given: GivenServer, *, actor: User) -> McpServer:
    """409 `mcp-servers-full` or `mcp-server-name-taken` where there is no place for it."""
    lock_writable(project)
    if project.mcp_servers.count() >= MOST_SERVERS:
        raise McpServersFull(f"A project has {MOST_SERVERS} at most: remove one first.", project_id=project.pk)
    server = McpServer(project=project)
    _write(server, given, {})
    _audit(server, "mcp_server_added", actor)
    return server


@transaction.atomic
def change_server(server: McpServer, given: GivenServer, *, actor: User) -> None:
    """The next process of an agent is given it so; those at work keep what they were given."""
    lock_writable(server.project)
    server.refresh_from_db(fields=["secret"])
    keeps_any = None in given.secrets.values()
    _write(server, given, unseal(server.secret) if keeps_any else {})
    _audit(server, "mcp_server_changed", actor)


@transaction.atomic
def remove_server(server: McpServer, *, actor: User) -> None:
    """The next process of an agent is not given it."""
    lock_writable(server.project)
    _audit(server, "mcp_server_removed", actor)
    server.delete()


def _write(server: McpServer, given: GivenServer, stored: dict[str, str]) -> None:
    others = McpServer.objects.filter(project=server.project, name__iexact=given.name).exclude(pk=server.pk)
    if others.exists():
        raise McpServerNameTaken("Give it another name.", project_id=server.project_id)
    server.name, server.kind, server.enabled = given.name, given.kind, given.enabled
    server.command, server.args, server.url = given.command, given.args, given.url
    values = {name: stored.get(name) if value is None else value for name, value in given.secrets.items()}
    kept = {name: value for name, value in values.items() if value is not None}  # None: removed meanwhile
    server.secret_names, server.secret = list(kept), seal(kept)
    server.updated_at = timezone.now()
    server.save()


def _audit(server: McpServer, action: str, actor: User) -> None:
    where: dict[str, Any] = {"command": server.command} if is_local(server.kind) else {"origin": origin_of(server.url)}
    facts = {"server_id": server.pk, "name": server.name, "kind": server.kind, **where}
    audit(actor, action, project_id=server.project_id, **facts)
