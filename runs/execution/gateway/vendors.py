"""The model APIs that the gateway passes on, by vendor: addresses, places of the key, routes, and shapes of errors.

Only what agents need to work with a model is passed on. All else that the operator's key could do (files, batches,
images, administration) is not: it could not be counted, and is none of an agent's business.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .anthropic_messages import MessagesUsage
from .gemini_content import GeminiUsage
from .openai_chat import ChatUsage
from .openai_responses import ResponsesUsage
from .usage import UsageReader

_NAME = r"[A-Za-z0-9][\w.@-]*"


@dataclass(frozen=True)
class Route:
    """What may be asked for. `path` is what follows the version; its group `model` names the model where it is there.

    `reader`: how its usage is read; None where the call costs nothing.
    """

    method: str
    path: str
    reader: Callable[[], UsageReader] | None = None

    def match(self, method: str, path: str) -> re.Match[str] | None:
        return re.fullmatch(self.path, path) if method == self.method else None


@dataclass(frozen=True)
class Vendor:
    """One vendor's API. `key_header` makes the header of an API key, `error_body` an error as its clients read it.

    Addresses of OpenAI's kind hold the version (…/v1), wherever in them; others may, at their end.
    """

    base_url: str
    version: str
    routes: tuple[Route, ...]
    key_header: Callable[[str], tuple[str, str]]
    error_body: Callable[[int, str], Mapping[str, Any]]
    has_version_anywhere: bool = False


def _openai_error(status: int, message: str) -> Mapping[str, Any]:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": f"gateway_{status}"}}


_ANTHROPIC_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
}


def _anthropic_error(status: int, message: str) -> Mapping[str, Any]:
    return {"type": "error", "error": {"type": _ANTHROPIC_KINDS.get(status, "api_error"), "message": message}}


_GOOGLE_STATES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    502: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def _google_error(status: int, message: str) -> Mapping[str, Any]:
    return {"error": {"code": status, "message": message, "status": _GOOGLE_STATES.get(status, "INVALID_ARGUMENT")}}


VENDORS: Mapping[str, Vendor] = {
    "anthropic": Vendor(
        base_url="https://api.anthropic.com",
        version="v1",
        routes=(
            Route("POST", "messages", MessagesUsage),
            Route("POST", "messages/count_tokens"),
            Route("GET", rf"models(/{_NAME})?"),
        ),
        key_header=lambda key: ("x-api-key", key),
        error_body=_anthropic_error,
    ),
    "openai": Vendor(
        base_url="https://api.openai.com/v1",
        version="v1",
        routes=(
            Route("POST", "chat/completions", ChatUsage),
            Route("POST", "responses", ResponsesUsage),
            Route("POST", "responses/compact", ResponsesUsage),
            Route("GET", rf"models(/{_NAME})*"),
        ),
        key_header=lambda key: ("Authorization", f"Bearer {key}"),
        error_body=_openai_error,
        has_version_anywhere=True,
    ),
    "google": Vendor(
        base_url="https://generativelanguage.googleapis.com",
        version="v1beta",
        routes=(
            Route("POST", rf"models/(?P<model>{_NAME}):(stream)?[gG]enerateContent", GeminiUsage),
            Route("POST", rf"models/{_NAME}:countTokens"),
            Route("GET", rf"models(/{_NAME})?"),
        ),
        key_header=lambda key: ("x-goog-api-key", key),
        error_body=_google_error,
    ),
}
