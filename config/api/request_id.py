"""The id of a request: taken from `X-Request-ID` or made, answered in that header, and on every log line."""

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponseBase

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NONE = "-"
current_request_id: ContextVar[str] = ContextVar("request_id", default=_NONE)


def choose_request_id(offered: str | None) -> str:
    """The client's id when it is harmless to log, else a new one."""
    return offered if offered and _ACCEPTABLE.fullmatch(offered) else uuid.uuid4().hex


class RequestIdFilter(logging.Filter):
    """Puts `request_id` on every record; `-` outside a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id.get()
        return True


class RequestIdMiddleware:
    """Sets the id for the time of one request and answers it; under ASGI `config.api.edge` has chosen it already."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = current_request_id.get()
        if request_id == _NONE:
            request_id = choose_request_id(request.headers.get("X-Request-ID"))
        token = current_request_id.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            current_request_id.reset(token)
        response.headers["X-Request-ID"] = request_id
        return response
