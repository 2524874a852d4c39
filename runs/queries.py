"""Reads about runs that span rows or ask Git."""

from typing import Any

from projects.git.changes import diff
from projects.workspaces import open_repository
from runs.models import Run, RunAttempt, RunReview
from runs.transitions import allowed_actions


def current_attempt(run: Run) -> RunAttempt | None:
    """The row of the run's latest attempt; None before the executor has made it."""
    return run.attempts.filter(number=run.attempt).select_related("workspace__project", "run__project").first()


def attempt_diff(attempt: RunAttempt, paths: list[str] | None = None, *, enough_bytes: int | None = None) -> bytes:
    """The unified diff from the attempt's base commit to its tree, empty where it has none yet."""
    if attempt.tree is None:
        return b""
    return diff(
        open_repository(attempt.run.project), attempt.base_commit, attempt.tree, paths=paths, enough_bytes=enough_bytes
    )


def latest_review(run: Run) -> RunReview | None:
    """The review that counts: the newest of the run's attempt."""
    return run.reviews.filter(attempt=run.attempt).select_related("reviewer").order_by("-id").first()


def conflict_members(run: Run) -> dict[str, Any]:
    """What every conflict of a run tells: which run, its status, and what it allows."""
    allowed = allowed_actions(run.status, current_attempt(run), latest_review(run))
    return {**run.problem_members, "allowed_actions": allowed}
