"""Who is asking: a bearer token, or on safe methods the console's session cookie."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from accounts import abilities, queries
from accounts.models import AccessToken, User
from config.api.problems import Unauthenticated


def bearer_text(header: str) -> str | None:
    """The token text of an `Authorization` header (RFC 6750), None for another scheme."""
    scheme, _, text = header.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else None


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer {id}|{secret}`; `request.auth` is the AccessToken."""

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        text = bearer_text(request.headers.get("Authorization", ""))
        if text is None:
            return None
        token = queries.find_token(text)
        if token is None:
            raise Unauthenticated
        queries.note_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class ConsoleSessionAuthentication(BaseAuthentication):
    """The console's cookie, on safe methods only, so that a browser's EventSource works; `request.auth` is None."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        user = getattr(request._request, "user", None)  # noqa: SLF001 - Django's own request has the session's user
        if request.method in SAFE_METHODS and user is not None and user.is_active:
            return user, None
        return None


def granted_abilities(token: AccessToken | None) -> list[str]:
    """What a request may do: its token's abilities, or those of a console session."""
    return list(token.abilities) if token else list(abilities.CONSOLE_SESSION)
