"""Refuses bodies over a size before the application reads them. An ASGI wrapper: Django would spool to disk first."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from asgiref.sync import sync_to_async

from config.api.problems import BodyTooLarge, problem_response
from config.api.request_id import choose_request_id

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 2 * 1024 * 1024


class _TooLarge(Exception):
    """The body went past the limit while it was being read."""


def limit_body(application: Application, max_bytes: int = MAX_BODY_BYTES) -> Application:
    """The application behind a limit on the request's body; over it, 413 `body-too-large`."""

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await application(scope, receive, send)
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > max_bytes:
                raise _TooLarge
            return message

        if _declared_length(scope) > max_bytes:
            return await _refuse(scope, send, max_bytes)
        try:
            await application(scope, counted, send)
        except _TooLarge:
            await _refuse(scope, send, max_bytes)

    return limited


def _declared_length(scope: Scope) -> int:
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    return int(declared) if declared.isdigit() else 0


async def _refuse(scope: Scope, send: Send, max_bytes: int) -> None:
    problem = BodyTooLarge(f"A body may have {max_bytes} bytes.")
    await send_problem(problem, scope, send)


async def send_problem(problem: Any, scope: Scope, send: Send) -> None:
    """Answers a problem from plain ASGI."""
    response = await sync_to_async(problem_response)(problem, scope["path"])
    offered = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    response.headers["X-Request-ID"] = choose_request_id(offered)
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
    headers.append((b"content-length", str(len(response.content)).encode()))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
