"""Refuses bodies over a size before the application reads them. An ASGI wrapper: Django would spool to disk first.

Under `bin/serve` the web server has cut such a body off already (`config.web_server`); the answer is this one's.
"""

from config.api.edge import Application, Message, Receive, Scope, Send, send_problem
from config.api.problems import BodyTooLarge

MAX_BODY_BYTES = 2 * 1024 * 1024


class _TooLarge(Exception):
    """The body went past the limit while it was being read."""


def limit_body(application: Application, max_bytes: int = MAX_BODY_BYTES) -> Application:
    """The application behind a limit on the request's body; over it, 413 `body-too-large`."""

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > max_bytes:
                raise _TooLarge
            return message

        problem = BodyTooLarge(f"A body may have {max_bytes} bytes.")
        if _declared_length(scope) > max_bytes:
            return await send_problem(problem, scope, send)
        try:
            await application(scope, counted, send)
        except _TooLarge:
            await send_problem(problem, scope, send)

    return limited


def _declared_length(scope: Scope) -> int:
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    return int(declared) if declared.isdigit() else 0
