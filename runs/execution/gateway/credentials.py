"""The run's token on the way in, and the real key on the way out."""

import hmac
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl

from .addresses import KEY_PARAMETERS
from .errors import CallRefused

_HEADERS = ("x-api-key", "x-goog-api-key", "api-key")


def require_token(headers: Mapping[str, str], query: str, token: str) -> None:
    """CallRefused (401) unless the token is in one of the places where the vendors' clients put a key."""
    wanted = token.encode()
    found = [hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted) for given in _given(headers, query)]
    if not any(found):
        raise CallRefused(401, "The gateway takes the token of this run only, in place of the API key.")


def _given(headers: Mapping[str, str], query: str) -> Iterator[str]:
    scheme, _, credentials = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield credentials.strip()
    for name in _HEADERS:
        if name in headers:
            yield headers[name]
    for name, value in parse_qsl(query):
        if name.lower() in KEY_PARAMETERS:
            yield value


_NOT_FORWARDED = frozenset(
    {
        # Between two neighbours only (RFC 9110, 7.6.1), and what the gateway's own client says itself.
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
        *("host", "content-length", "content-encoding", "accept-encoding", "expect"),
        # Credentials, and on whose account a call goes: the operator's affair.
        *("authorization", "cookie", *_HEADERS, "proxy-authorization", "proxy-authenticate"),
        *("openai-organization", "openai-project", "x-goog-user-project"),
        # Who asked whom.
        *("forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"),
    }
)
_NOT_RETURNED = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
        *("set-cookie", "proxy-authenticate", "alt-svc", "location"),
    }
)


def forwarded(headers: Iterable[tuple[str, str]], connection: str) -> list[tuple[str, str]]:
    """The headers of a request that the model server gets."""
    return _without(headers, _NOT_FORWARDED, connection)


def returned(headers: Iterable[tuple[str, str]], connection: str) -> list[tuple[str, str]]:
    """The headers of an answer that the agent gets."""
    return _without(headers, _NOT_RETURNED, connection)


def _without(headers: Iterable[tuple[str, str]], names: frozenset[str], connection: str) -> list[tuple[str, str]]:
    dropped = names | {name.strip().lower() for name in connection.split(",")}
    return [(name, value) for name, value in headers if name.lower() not in dropped]
