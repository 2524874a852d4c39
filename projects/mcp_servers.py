"""A project's MCP servers as they are stored: which values of one are secret, and the values again."""

import json
from collections.abc import Mapping
from typing import Any

from projects.models import McpServer
from settings_params.secrets import decrypt, encrypt


def seal(values: Mapping[str, str]) -> str:
    """The ciphertext of a server's secret values, empty where it has none. In the transaction that stores it."""
    return encrypt(json.dumps(dict(values))) if values else ""


def unseal(ciphertext: str) -> dict[str, str]:
    """The values by their names. Raises SecretUnreadable."""
    values: dict[str, str] = json.loads(decrypt(ciphertext)) if ciphertext else {}
    return values


def origin_of(url: str) -> str:
    """Scheme, host and port of an address that was checked: where its headers go."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0].partition('?')[0]}"


def is_local(kind: str) -> bool:
    """Whether it is a program that the agent starts, not a host that it calls."""
    return kind == McpServer.Kind.STDIO


def describe(server: McpServer) -> dict[str, Any]:
    """What may be shown of it: never a value."""
    names = [{"name": name, "is_set": True} for name in server.secret_names]
    local = is_local(server.kind)
    return {
        "id": server.pk,
        "name": server.name,
        "kind": server.kind,
        "enabled": server.enabled,
        "command": server.command or None,
        "args": server.args,
        "env": names if local else [],
        "url": server.url or None,
        "headers": [] if local else names,
        "created_at": server.created_at,
        "updated_at": server.updated_at,
    }
