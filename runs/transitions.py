"""The whole life of a run on one screen: which move leads from where to where, and what it is called in the log."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.api.problems import Problem
from runs import errors
from runs.models import Run, RunAttempt, RunReview

S = Run.Status


@dataclass(frozen=True)
class Move:
    """One legal status change. `stamps` names the time field that it sets."""

    sources: frozenset[str]
    to: str
    event: str
    error: type[Problem]
    stamps: str | None
    severity: str = "info"


def _from(*sources: str) -> frozenset[str]:
    return frozenset(sources)


MOVES: Mapping[str, Move] = {
    "start": Move(_from(S.DRAFT), S.QUEUED, "run_queued", errors.RunNotStartable, "queued_at"),
    "claim": Move(_from(S.QUEUED), S.RUNNING, "run_started", errors.RunMoveLost, "started_at"),
    "pause": Move(_from(S.RUNNING), S.PAUSED, "run_paused", errors.RunNotPausable, "paused_at", "notice"),
    "resume": Move(_from(S.PAUSED), S.RUNNING, "run_resumed", errors.RunNotResumable, None),
    # The same wish where the agent's process is gone: another worker takes the run up.
    "requeue": Move(_from(S.PAUSED), S.QUEUED, "run_resumed", errors.RunNotResumable, "queued_at"),
    "recover": Move(_from(S.RUNNING), S.QUEUED, "run_recovered", errors.RunMoveLost, "queued_at", "warning"),
    "complete": Move(_from(S.RUNNING), S.COMPLETED, "run_completed", errors.RunMoveLost, "finished_at", "notice"),
    "fail": Move(
        _from(S.QUEUED, S.RUNNING, S.PAUSED), S.FAILED, "run_failed", errors.RunMoveLost, "finished_at", "error"
    ),
    "cancel": Move(
        _from(S.DRAFT, S.QUEUED, S.RUNNING, S.PAUSED),
        S.CANCELLED,
        "run_cancelled",
        errors.RunNotCancellable,
        "finished_at",
        "notice",
    ),
    "retry": Move(_from(S.FAILED), S.QUEUED, "run_retried", errors.RunNotRetryable, "queued_at"),
    "message": Move(_from(S.COMPLETED), S.QUEUED, "run_queued", errors.RunNotMessageable, "queued_at"),
}

CLIENT_MOVES = ("start", "pause", "resume", "cancel", "retry")
TAKES_MESSAGES = frozenset({S.RUNNING, S.PAUSED}) | MOVES["message"].sources


def allowed_actions(status: str, attempt: RunAttempt | None = None, review: RunReview | None = None) -> list[str]:
    """What a client may ask of a run, beside looking at it: by its status, and at rest by its work tree and review.

    `attempt` is the latest, `review` the latest of that attempt. Who asks, and what the operator allows, is not in it.
    """
    actions = [name for name in CLIENT_MOVES if status in MOVES[name].sources]
    if status in TAKES_MESSAGES and (attempt is None or attempt.pruned_at is None):
        actions.append("messages")
    if status not in Run.AT_REST or attempt is None or not attempt.has_work_tree:
        return actions
    actions += ["approve", "reject"]
    if review is None or review.decision != RunReview.Decision.APPROVED or review.tree != attempt.tree:
        return actions
    if attempt.commit is None or attempt.committed_tree != review.approved_tree:
        return [*actions, "commit"]
    return actions if attempt.push_status in _PUSHES else [*actions, "push"]


_PUSHES = frozenset({Run.PushStatus.QUEUED, Run.PushStatus.PUSHING, Run.PushStatus.PUSHED})
