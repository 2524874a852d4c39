"""The story of one run, from the claim to its end. What an agent is, and how it is confined, is told elsewhere.

Every step may be the last one before a kill -9: whoever claims the run next finds what is there and goes on from it.
The event loop lives in one thread for the whole run, so that the sandbox, which dies with the thread that made it,
lives as long; the database is used from the worker's own thread.
"""

import errno
import logging

from asgiref.sync import async_to_sync
from django.db.models import F, Q
from django.utils import timezone

from projects import leases
from projects.git.errors import GitError
from projects.leases import Lease
from runs.events import LeaseLost
from runs.execution import results
from runs.execution.agents.client import PromptOutcome
from runs.execution.attempts import prepare_attempt
from runs.execution.errors import RunCannotGoOn, RunInterrupted
from runs.execution.turn import Turn
from runs.models import Run, RunAttempt
from runs.queries import current_attempt
from runs.services import lifecycle
from runs.services.permissions import expire_permissions
from runs.services.recording import close_lost_commands
from snapshots.models import Snapshot
from snapshots.services import take_run_snapshot

logger = logging.getLogger(__name__)


def execute(run_id: int) -> None:
    """Carries out a queued run; of a cancelled one whose worker died, keeps what its agent did; no other is touched."""
    claimed = _claim(run_id)
    if claimed is None:
        return _take_over_cancelled(run_id)
    run, lease = claimed
    try:
        with leases.kept(lease, lambda: None):
            _carry_out(run, lease)
    except LeaseLost:
        logger.warning("Run %s was moved on by somebody else.", run_id)
        lease.release()
    except RunInterrupted as interruption:
        _interrupted(run, lease, interruption.reason)


def _claim(run_id: int) -> tuple[Run, Lease] | None:
    run = Run.objects.select_related("project").filter(pk=run_id).first()
    lease = leases.claim(Run.objects.filter(status=Run.Status.QUEUED), run_id)
    if run is None or lease is None:
        return None
    try:
        # A recovered run keeps its first start: the time limit counts from there.
        started_at = run.started_at or timezone.now()
        lifecycle.move(run, "claim", lease=lease, message="The run has started.", started_at=started_at)
    except LeaseLost:
        return None
    return run, lease


def _take_over_cancelled(run_id: int) -> None:
    """Still owned, or begun without a summary: the worker died, or the run had been queued again, when it was ended."""
    is_unrecorded = Q(attempts__number=F("attempt"), attempts__summary__isnull=True)
    cancelled = Run.objects.filter(status=Run.Status.CANCELLED)
    lease = leases.claim(cancelled.filter(is_unrecorded | ~Q(lease_owner="")), run_id)
    if lease is None:
        return
    with leases.kept(lease, lambda: None):
        _wind_up_cancelled(Run.objects.select_related("project").get(pk=run_id), lease)


def _carry_out(run: Run, lease: Lease) -> None:
    try:
        attempt = _prepare(run, lease)
        outcome = async_to_sync(Turn(run, attempt, lease).carry_out)()
        _check(outcome)
        results.record_results(attempt, lease, "completed")
    except (RunCannotGoOn, GitError) as error:
        _fail(run, lease, error.code, error.message)
    except (LeaseLost, RunInterrupted):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return _fail(run, lease, "disk-full", "The server's disk is full: its operator must make room, then retry.")
        logger.exception("Run %s failed inside the server.", run.pk)
        _fail(run, lease, "internal-error", "The run failed inside the server: see its log.")
    else:
        lifecycle.move(run, "complete", lease=lease, message="The run is done.", lease_expires_at=None, lease_owner="")


def _prepare(run: Run, lease: Lease) -> RunAttempt:
    close_lost_commands(run)
    expire_permissions(run)
    attempt = prepare_attempt(run)
    if not attempt.session_id:
        take_run_snapshot(attempt, Snapshot.Kind.BEFORE_RUN, lease)
    return attempt


def _check(outcome: PromptOutcome) -> None:
    if outcome.stop_reason == "refusal":
        raise RunCannotGoOn("agent-refused", "The agent refused to go on with this prompt.")
    if outcome.stop_reason not in ("end_turn", "cancelled"):
        raise RunCannotGoOn("agent-stopped", f"The agent stopped early: {outcome.stop_reason}.")


def _fail(run: Run, lease: Lease, code: str, message: str) -> None:
    """Failed, with what the agent has done until then kept for review."""
    _keep_what_is_there(run, lease, "failed")
    expire_permissions(run)
    lifecycle.fail_run(run, code, message, lease=lease)


def _keep_what_is_there(run: Run, lease: Lease, outcome: str) -> None:
    attempt = current_attempt(run)
    if attempt is None:
        return
    try:
        results.record_results(attempt, lease, outcome)
    except GitError as error:
        logger.warning("The files of run %s could not be recorded: %s", run.pk, error.message)


def _was_requeued(run: Run, lease: Lease) -> bool:
    """Back in the queue; False when the run was cancelled at the same moment."""
    try:
        lifecycle.requeue_run(run, lease, "The worker is stopping; another one goes on.")
    except LeaseLost:
        return False
    return True


def _interrupted(run: Run, lease: Lease, reason: str) -> None:
    if reason == "lost":
        logger.warning("Run %s went to another worker.", run.pk)
        return
    if reason == "stopping" and _was_requeued(run, lease):
        return
    _wind_up_cancelled(run, lease)


def _wind_up_cancelled(run: Run, lease: Lease) -> None:
    try:
        _keep_what_is_there(run, lease, "cancelled")
        expire_permissions(run)
    finally:
        lease.release()
