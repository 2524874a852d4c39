"""The shape of an MCP server: checked here, its secret values encrypted by the services, never shown."""

import re
from typing import Any

from rest_framework import serializers

from config.api.params import read
from config.api.serializers import StrictSerializer
from projects.mcp_addresses import AddressRefused, check_address
from projects.mcp_servers import is_local, origin_of
from projects.models import McpServer
from projects.services.mcp_servers import GivenServer

_NAME = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9_])*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # POSIX
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.1
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_OTHERS = {True: ("url", "headers"), False: ("command", "args", "env")}
_MOST_ARGS, _MOST_VALUES = 50, 30
Names = frozenset[str]


class _WordField(serializers.CharField):
    """A text as it is. DRF would take a number for one in a list."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("This is no string.", code="wrong_type")
        word: str = super().to_internal_value(data)
        return word


class NamedValueSerializer(StrictSerializer):
    """A variable of the environment, or a header. `value` is never shown; without it the stored one stays."""

    name = serializers.CharField(max_length=100)
    value = serializers.CharField(
        max_length=8192, required=False, write_only=True, allow_blank=True, trim_whitespace=False
    )
    is_set = serializers.BooleanField(read_only=True)


class McpServerSerializer(StrictSerializer):
    """`stdio` takes `command`, and perhaps `args` and `env`; `http` and `sse` take `url`, and perhaps `headers`.

    Everything but the values of `env` and `headers` is shown to all members of the project. A list that is given
    replaces the stored one; a server of another kind, or at another host, needs its values anew.
    """

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=32, help_text="Letters, digits, `-` and `_`: agents make names of it.")
    kind = serializers.ChoiceField(McpServer.Kind.choices)
    enabled = serializers.BooleanField(required=False)
    command = serializers.CharField(max_length=1000, required=False, allow_null=True)
    args = serializers.ListField(
        child=_WordField(max_length=2000, allow_blank=True, trim_whitespace=False),
        required=False,
        max_length=_MOST_ARGS,
    )
    env = NamedValueSerializer(many=True, required=False, max_length=_MOST_VALUES)  # type: ignore[call-arg] # of lists
    url = serializers.CharField(max_length=2000, required=False, allow_null=True)
    headers = NamedValueSerializer(many=True, required=False, max_length=_MOST_VALUES)  # type: ignore[call-arg]
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def validate_name(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise serializers.ValidationError("A name is letters, digits, - and _.", code="invalid")
        return name

    def validate_url(self, url: str | None) -> str | None:
        """Only a new address is looked at: params may have changed since."""
        if url and url != self._stored.get("url"):
            try:
                check_address(url, allow_private_hosts=read("safety.allow_private_hosts"))
            except AddressRefused as refused:
                raise serializers.ValidationError(refused.message, code=refused.code) from None
        return url

    def validate_env(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return _checked(rows, _VARIABLE, None)

    def validate_headers(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return _checked(rows, _HEADER, _HEADER_VALUE)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The whole as `server`."""
        stored = self._stored
        kind: str = attrs.get("kind") or stored["kind"]
        local = is_local(kind)
        for name in _OTHERS[local]:
            if attrs.get(name):
                raise serializers.ValidationError({name: _error("not-for-this-kind", f"{kind} has no such member.")})
        if is_local(stored.get("kind", kind)) != local:
            stored = {}  # what it was is of no use to it
        whole = {**stored, **attrs}
        needed, listed = ("command", "env") if local else ("url", "headers")
        if not whole.get(needed):
            raise serializers.ValidationError({needed: _error("required", f"{kind} needs it.")})
        names = frozenset(row["name"] for row in stored.get(listed, ()))
        kept = frozenset[str]() if _moves(stored, whole) else names
        return {
            "server": GivenServer(
                name=attrs.get("name") or self._stored["name"],
                kind=kind,
                enabled=whole.get("enabled", self._stored.get("enabled", True)),
                command=whole["command"] if local else "",
                args=whole.get("args", []) if local else [],
                url="" if local else whole["url"],
                secrets=_secrets(listed, attrs.get(listed), names, kept),
            )
        }

    @property
    def _stored(self) -> dict[str, Any]:
        stored: dict[str, Any] = self.instance or {}
        return stored


def _moves(stored: dict[str, Any], whole: dict[str, Any]) -> bool:
    """Whether headers would go to another place than they were given for."""
    return bool(stored.get("url")) and origin_of(stored["url"]) != origin_of(whole["url"])


def _secrets(listed: str, rows: list[dict[str, Any]] | None, stored: Names, kept: Names) -> dict[str, str | None]:
    """None for a value that stays as it is stored."""
    if rows is None:
        if stored - kept:
            message = "The server is at another host now: give the values that it gets, or an empty list."
            raise serializers.ValidationError({listed: _error("required", message)})
        return dict.fromkeys(sorted(kept))
    missing: list[Any] = [
        {} if "value" in row or row["name"] in kept else {"value": _error("required", "There is no value to be kept.")}
        for row in rows
    ]
    if any(missing):
        raise serializers.ValidationError({listed: missing})
    return {row["name"]: row.get("value") for row in rows}


def _checked(rows: list[dict[str, Any]], names: re.Pattern[str], values: re.Pattern[str] | None) -> list[Any]:
    """Every name possible and there once, every value possible; values are not echoed."""
    faults, seen = [], set[str]()
    for row in rows:
        fault: dict[str, Any] = {}
        key = row["name"].lower() if values else row["name"]
        if not names.fullmatch(row["name"]):
            fault["name"] = _error("invalid", "This is no possible name.")
        elif key in seen:
            fault["name"] = _error("duplicate", "The name stands twice.")
        if values and "value" in row and not values.fullmatch(row["value"]):
            fault["value"] = _error("invalid", "A header's value is one line of ASCII.")
        seen.add(key)
        faults.append(fault)
    if any(faults):
        raise serializers.ValidationError(faults)
    return rows


def _error(code: str, message: str) -> list[serializers.ErrorDetail]:
    return [serializers.ErrorDetail(message, code=code)]
