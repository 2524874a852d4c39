"""How callers prove who they are, as the OpenAPI schema tells it."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A bearer token."""

    target_class = "accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """RFC 6750; the token is `{id}|{secret}`."""
        return {"type": "http", "scheme": "bearer", "description": "A token: `{id}|{secret}`."}


class ConsoleSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The console's cookie."""

    target_class = "accounts.authentication.ConsoleSessionAuthentication"
    name = "console"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Accepted on safe methods only."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "Safe methods only."}
