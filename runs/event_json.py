"""The public JSON of events, put together from what their rows keep: nothing is parsed or encoded again."""

from collections.abc import Iterable

EventRow = tuple[int, str]
"""An event's id and body (see AgentEvent)."""


def join_events(rows: Iterable[EventRow]) -> str:
    """`[{…},{…}]`: the events as the API shows them."""
    shown = [f'{{"id":{event_id},{body}' for event_id, body in rows]
    return f"[{','.join(shown)}]"
