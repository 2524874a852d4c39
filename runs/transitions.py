"""The whole life of a run on one screen: which move leads from where to where, and what it is called in the log."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.api.problems import Problem
from runs import errors
from runs.models import Run

S = Run.Status


@dataclass(frozen=True)
class Move:
    """One legal status change. `stamps` names the time field that it sets."""

    sources: frozenset[str]
    to: str
    event: str
    error: type[Problem]
    stamps: str
    severity: str = "info"


MOVES: Mapping[str, Move] = {
    "start": Move(frozenset({S.DRAFT}), S.QUEUED, "run_queued", errors.RunNotStartable, "queued_at"),
    "claim": Move(frozenset({S.QUEUED}), S.RUNNING, "run_started", errors.RunMoveLost, "started_at"),
    "complete": Move(frozenset({S.RUNNING}), S.COMPLETED, "run_completed", errors.RunMoveLost, "finished_at", "notice"),
    "fail": Move(
        frozenset({S.QUEUED, S.RUNNING, S.PAUSED}), S.FAILED, "run_failed", errors.RunMoveLost, "finished_at", "error"
    ),
    "recover": Move(frozenset({S.RUNNING}), S.QUEUED, "run_recovered", errors.RunMoveLost, "queued_at", "warning"),
    "cancel": Move(
        frozenset({S.DRAFT, S.QUEUED, S.RUNNING, S.PAUSED}),
        S.CANCELLED,
        "run_cancelled",
        errors.RunNotCancellable,
        "finished_at",
        "notice",
    ),
}

CLIENT_MOVES = ("start", "cancel")


def allowed_actions(status: str) -> list[str]:
    """What a client may ask of a run in that status, beside looking at it."""
    moves = [name for name in CLIENT_MOVES if status in MOVES[name].sources]
    return moves + (["approve", "reject", "commit", "push"] if status in Run.AT_REST else [])
