"""The summary of a run's log in its detail: kept beside the log by whoever appends to it, never counted anew."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from config.api.times import format_time

PHASES = frozenset(
    {
        *("run_queued", "run_started", "run_paused", "run_resumed", "run_recovered", "run_retried"),
        *("run_completed", "run_failed", "run_cancelled"),
    }
)


def empty_timeline() -> dict[str, Any]:
    """`eventCounts` by event type, `phases` in their order, and the entries of the agent's newest `plan`."""
    return {"eventCounts": {}, "phases": [], "plan": None}


def extended(
    timeline: Mapping[str, Any], events: Sequence[tuple[str, Mapping[str, Any]]], at: datetime
) -> dict[str, Any]:
    """The timeline after events, each given by its type and data, that happened at one moment."""
    counts, phases, plan = dict(timeline["eventCounts"]), list(timeline["phases"]), timeline["plan"]
    for event_type, data in events:
        counts[event_type] = counts.get(event_type, 0) + 1
        if event_type in PHASES:
            phases.append({"phase": event_type, "at": format_time(at)})
        elif event_type == "plan_updated":
            plan = data["entries"]
    return {"eventCounts": counts, "phases": phases, "plan": plan}
