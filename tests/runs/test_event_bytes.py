"""An event is the same bytes in a page, in the stream and in a catch-up, whatever an agent puts into it."""

import re
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from config.openapi.paths import EVENT
from runs.events import Draft, append
from runs.models import AgentEvent, Run
from runs.stream.log import Topic, read_after

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unlimited")]

TYPES = [
    *("run_created", "run_queued", "run_started", "run_paused", "run_resumed", "run_cancelled", "run_failed"),
    *("run_completed", "run_retried", "run_recovered", "agent_message", "agent_thought", "plan_updated"),
    *("tool_started", "tool_finished", "user_message", "file_created", "file_updated", "file_deleted"),
    *("file_renamed", "command_started", "command_output", "command_finished", "permission_requested"),
    *("permission_resolved", "snapshot_created", "snapshot_restored", "context_retrieved", "usage_updated"),
    *("docs_updated", "review_submitted", "git_committed", "git_pushed", "git_push_failed", "log"),
]
ODD = [
    *("", "\0", "\ud800", "\r\n\n", "\u2028\u2029\x85", 'data: {"id":1}\n\n', "\\u0000", "%s %% {0}", "🏴"),
    "x" * 20_000,
]
TEXTS = st.one_of(st.sampled_from(ODD), st.text(st.characters(exclude_categories=[]), max_size=40))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=True), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
DRAFTS = st.builds(
    Draft,
    event_type=st.sampled_from([each for each in TYPES if each != "plan_updated"]),
    message=TEXTS,
    severity=st.sampled_from(AgentEvent.Severity.values),
    path=st.one_of(st.none(), TEXTS),
    data=st.dictionaries(TEXTS, VALUES, max_size=4),
)


def stream(run: Run, after: int) -> bytes:
    """What the stream sends after an event."""
    return b"".join(frame.wire for frame in read_after(Topic(run.pk), after))


def data_of(wire: bytes) -> list[bytes]:
    """The `data` of each event, read as the HTML standard says (section 9.2.6)."""
    found: list[bytes] = []
    for line in re.split(b"\r\n|\n|\r", wire):
        if not line:
            continue
        name, _, value = line.partition(b": ")
        assert name in (b"id", b"event", b"data")
        if name == b"data":
            found.append(value)
    return found


def check(api: APIClient, run: Run, after: int) -> list[Any]:
    """What comes after that event is the same bytes everywhere; gives the events."""
    told = data_of(stream(run, after))
    whole = b"[" + b",".join(told) + b"]"
    page = api.get(f"/api/runs/{run.pk}/events?since={after}&limit=200")
    filtered = api.get(f"/api/runs/{run.pk}/events?since={after}&limit=200&severity=debug")
    catch_up = api.get(f"/api/runs/{run.pk}/catch-up", {"since": after})
    assert page.content.startswith(b'{"data":' + whole + b',"meta":{')
    assert filtered.content == page.content
    assert b',"events":' + whole + b',"gap":null,' in catch_up.content
    events: list[Any] = catch_up.json()["events"]
    assert events == orjson.loads(whole) == page.json()["data"]
    return events


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(drafts=st.lists(DRAFTS, min_size=1, max_size=6))
def test_odd_events_are_the_same_bytes_everywhere(api: APIClient, run: Run, drafts: list[Draft]) -> None:
    run.refresh_from_db()
    after, seq = run.last_event_id or 0, run.last_seq
    append(run, drafts)
    events = check(api, run, after)
    assert [event["eventType"] for event in events] == [draft.event_type for draft in drafts]
    assert [event["seq"] for event in events] == list(range(seq + 1, seq + len(drafts) + 1))


def test_every_type_has_the_described_members_and_the_same_bytes(api: APIClient, run: Run) -> None:
    data = {"entries": [], "snake_case": {"of_a_user": 1}}
    append(run, [Draft(each, f"{each}\n", path="a/b.py", data=data) for each in TYPES])
    events = check(api, run, 0)
    assert [event["eventType"] for event in events] == TYPES
    assert all(set(event) == set(EVENT["required"]) and event["data"] == data for event in events)


def test_a_page_and_a_catch_up_of_many_are_the_same_bytes(api: APIClient, run: Run) -> None:
    append(run, [Draft("agent_message", "é" * n) for n in range(200)])
    assert len(check(api, run, 0)) == 200
