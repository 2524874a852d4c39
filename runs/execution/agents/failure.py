"""Puts an agent's refusal into a sentence for people; never repeats what was sent to it."""

from typing import Any

from .payload import text_of

_AUTHENTICATION_REQUIRED = -32000
_REASON_CHARACTERS = 2_000


def refusal_reason(error: Exception, what: str) -> str:
    """From the SDK's RequestError or a pydantic ValidationError of the answer to ``what``."""
    from acp import RequestError
    from pydantic import ValidationError

    if isinstance(error, RequestError):
        return _request_error_reason(error, what)[:_REASON_CHARACTERS]
    if isinstance(error, ValidationError):
        fields = sorted({".".join(str(part) for part in problem["loc"]) or "the whole" for problem in error.errors()})
        return f"The agent's answer to {what} breaks the Agent Client Protocol in: {', '.join(fields)[:500]}."
    return f"The connection to the agent failed at {what}: {type(error).__name__}."


def _request_error_reason(error: Any, what: str) -> str:
    data: Any = error.data
    reason = text_of(data, "reason") or text_of(data, "details") or text_of(data, "message") or str(error)
    if error.code == _AUTHENTICATION_REQUIRED:
        return f"The agent has no login: an operator must give it one in the server's settings. It said: {reason}"
    return reason or f"The agent refused {what} without a reason."
