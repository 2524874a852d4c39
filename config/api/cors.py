"""Cross-origin reads (the Fetch standard's CORS protocol): off unless the param `api.cors_origins` names origins.

django-cors-headers words the headers. It is called from the edge of the ASGI application, so that event streams,
refused bodies and failures have them too.
"""

import re
from collections.abc import Awaitable, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import SplitResult

from channels.db import database_sync_to_async
from corsheaders.middleware import CorsMiddleware
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from config.api.edge import Application, Message, Receive, Scope, Send
from config.api.params import read

PATHS = re.compile(r"/api/")


class ParamCors(CorsMiddleware):
    """The library's rules, with the origins of the server param in force at the moment."""

    def __init__(self) -> None:
        super().__init__(lambda request: HttpResponse())

    def is_enabled(self, request: HttpRequest) -> bool:
        return PATHS.match(request.path_info) is not None and bool(_origins())

    def origin_found_in_white_lists(self, origin: str, url: SplitResult) -> bool:
        return origin in _origins()

    def decide(self, scope: Scope) -> tuple[bool, Mapping[str, str]]:
        """Whether the request is a preflight to be answered here, and the headers for its answer."""
        request = ASGIRequest(scope, BytesIO())
        preflight = self.check_preflight(request)
        response: Any = preflight or HttpResponse(headers={"Content-Type": ""})
        self.add_response_headers(request, response)
        response.headers.pop("Content-Type", None)
        return preflight is not None, dict(response.items())


def _origins() -> tuple[str, ...]:
    try:
        return tuple(read("api.cors_origins"))
    except DatabaseError:
        return ()


def share_across_origins(application: Application) -> Application:
    """Answers preflights, and adds the headers to every answer to a listed origin. Without `Origin` it is not there."""
    cors = ParamCors()

    def shared(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if any(name == b"origin" for name, _ in scope["headers"]):
            return answered(scope, receive, send)
        return application(scope, receive, send)

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        is_preflight, headers = await database_sync_to_async(cors.decide)(scope)
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        if is_preflight:
            await send({"type": "http.response.start", "status": 200, "headers": raw})
            await send({"type": "http.response.body", "body": b""})
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *raw]}
            await send(message)

        await application(scope, receive, answer)

    return shared
