"""Refuses bodies over a size before the application has read them. An ASGI wrapper, because Django spools to disk first."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from asgiref.sync import sync_to_async

from config.api.problems import BodyTooLarge, problem_response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 2 * 1024 * 1024


class _TooLarge(Exception):
    """The body went past the limit while it was being read."""


def limit_body(application: Application, max_bytes: int = MAX_BODY_BYTES) -> Application:
    """The application behind a limit on the request's body; over it, 413 `body-too-large`."""

    async def limited(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
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


def _declared_length(scope: MutableMapping[str, Any]) -> int:
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    return int(declared) if declared.isdigit() else 0


async def _refuse(scope: MutableMapping[str, Any], send: Send, max_bytes: int) -> None:
    problem = BodyTooLarge(f"A body may have {max_bytes} bytes.")
    await send_problem(problem, scope["path"], send)


async def send_problem(problem: Any, instance: str, send: Send) -> None:
    """Answers a problem from plain ASGI."""
    response = await sync_to_async(problem_response)(problem, instance)
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
    headers.append((b"content-length", str(len(response.content)).encode()))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
