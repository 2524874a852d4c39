"""The public JSON of events, put together from what their rows keep: nothing is parsed or encoded again."""

from collections.abc import Iterable

EventRow = tuple[int, str]
"""An event's id and body (see AgentEvent)."""


def event_json(event_id: int, body: str) -> str:
    """`{…}`: the event as the API shows it."""
    return f'{{"id":{event_id},{body}'


def join_events(rows: Iterable[EventRow]) -> str:
    """`[{…},{…}]`: the events as the API shows them."""
    return f"[{','.join(event_json(*row) for row in rows)}]"
