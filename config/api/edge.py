"""What stands around the whole application, in plain ASGI: the request's id, and problems where no view answers."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from channels.db import database_sync_to_async

from config.api.problems import Problem, ServerError, problem_response
from config.api.request_id import choose_request_id, current_request_id

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)
_ID = b"X-Request-ID"


def with_request_id(application: Application) -> Application:
    """Every answer has `X-Request-ID`, streams and errors included, and every log line of the request has it too.

    No coroutine of its own, which would last as long as a stream: it is called within the request's task.
    """

    def identified(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        request_id = choose_request_id(dict(scope["headers"]).get(_ID.lower(), b"").decode("latin-1"))
        current_request_id.set(request_id)  # for good: the task belongs to this request

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [header for header in message.get("headers", ()) if header[0].lower() != _ID.lower()]
                message = {**message, "headers": [*others, (_ID, request_id.encode())]}
            await send(message)

        return application(scope, receive, answer)

    return identified


def answer_failures(application: Application) -> Application:
    """An exception that reaches the edge is 500 `internal-error`, or breaks off the answer that has begun."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await application(scope, receive, noting)
        except Exception:
            if has_begun:
                raise
            logger.exception("The application failed.")
            await send_problem(ServerError(), scope, send)

    return guarded


async def refuse_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """There are no WebSockets here: the handshake is refused (403)."""
    await receive()
    await send({"type": "websocket.close"})


async def problem_messages(problem: Problem, instance: str) -> tuple[Message, Message]:
    """The two ASGI messages of a problem."""
    response = await database_sync_to_async(problem_response)(problem, instance)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
    headers += [(b"Content-Length", b"%d" % len(response.content)), (_ID, current_request_id.get().encode())]
    start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
    return start, {"type": "http.response.body", "body": response.content}


async def send_problem(problem: Problem, scope: Scope, send: Send) -> None:
    """Answers a problem from plain ASGI."""
    for message in await problem_messages(problem, scope["path"]):
        await send(message)
