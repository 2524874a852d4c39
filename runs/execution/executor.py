"""The story of one run, from the claim to its end. What an agent is, and how it is confined, is told elsewhere.

Every step may be the last one before a kill -9: whoever claims the run next finds what is there and goes on from it.
So a step that the database was away for is done again, here for as long as patience goes (`patience`), then by others.
The event loop lives in one thread for the whole run, so that the sandbox, which dies with the thread that made it,
lives as long; the database is used from the worker's own thread.
"""

import errno
import logging
from contextlib import suppress

from asgiref.sync import async_to_sync
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from config.one_commit import AWAY
from projects import leases
from projects.git.errors import GitError
from projects.leases import Lease
from projects.services.disk import expect_upkeep
from projects.workspaces import open_work_tree
from runs.events import LeaseLost
from runs.execution import results, steps
from runs.execution.attempts import prepare_attempt, remove_login, workspace_of
from runs.execution.context import Shown, retrieve
from runs.execution.errors import RunCannotGoOn, RunInterrupted
from runs.execution.patience import patiently_here, written_here
from runs.execution.prompts import next_prompt
from runs.execution.sitting import Sitting
from runs.execution.tree_hold import TreeHold
from runs.models import Run, RunAttempt
from runs.queries import current_attempt
from runs.services import lifecycle, pausing
from runs.services.permissions import expire_permissions
from runs.services.recording import close_lost_commands
from snapshots.models import Snapshot
from snapshots.services.restoring import finish_in
from snapshots.services.taking import take_run_snapshot

logger = logging.getLogger(__name__)


def execute(run_id: int) -> None:
    """Carries out a queued run; of a cancelled one whose worker died, keeps what its agent did; no other is touched."""
    claimed = written_here(_claim, run_id)
    if claimed is None:
        _take_over_cancelled(run_id)
        return
    run, lease = claimed
    try:
        with leases.kept(lease, lambda: None):
            _carry_out(run, lease)
    except LeaseLost:
        logger.warning("Run %s was moved on by somebody else.", run_id)
        lease.release()
    except RunInterrupted as interruption:
        _interrupted(run, lease, interruption.reason)
    except AWAY:
        logger.exception("The database was away for too long: run %s is left to whoever finds it.", run_id)
        _leave(lease)
    patiently_here(expect_upkeep, run.project_id)


def _leave(lease: Lease) -> None:
    """As a worker that has died leaves its run, but at once: recovery queues it again, and ends what does so often."""
    with suppress(*AWAY):  # it runs out by itself
        lease.held().update(lease_expires_at=Now())


def _claim(run_id: int) -> tuple[Run, Lease] | None:
    """The claim and the move are one transaction of the caller's: nobody can cancel the run in between."""
    run = Run.objects.select_related("project").filter(pk=run_id).first()
    lease = leases.claim(Run.objects.filter(status=Run.Status.QUEUED), run_id)
    if run is None or lease is None:
        return None
    # A recovered run keeps its first start, and what it has used of its time.
    now = timezone.now()
    times = {"started_at": run.started_at or now, "limit_from": run.limit_from or now}
    lifecycle.move(run, "claim", lease=lease, message="The run has started.", **times)
    return run, lease


def _take_over_cancelled(run_id: int) -> None:
    """Still owned, or begun without a summary: the worker died, or the run had been queued again, when it was ended."""
    is_unrecorded = Q(attempts__number=F("attempt"), attempts__summary__isnull=True)
    cancelled = Run.objects.filter(status=Run.Status.CANCELLED)
    lease = written_here(leases.claim, cancelled.filter(is_unrecorded | ~Q(lease_owner="")), run_id)
    if lease is None:
        return
    with leases.kept(lease, lambda: None):
        _wind_up_cancelled(Run.objects.select_related("project").get(pk=run_id), lease)


def _carry_out(run: Run, lease: Lease) -> None:
    try:
        while not _has_come_to_its_end(run, lease):
            patiently_here(_require_running, lease)
    except (RunCannotGoOn, GitError) as error:
        _fail(run, lease, error.code, error.message)
    except (LeaseLost, RunInterrupted, *AWAY):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return _fail(run, lease, "disk-full", "The server's disk is full: its operator must make room, then retry.")
        logger.exception("Run %s failed inside the server.", run.pk)
        _fail(run, lease, "internal-error", "The run failed inside the server: see its log.")


def _has_come_to_its_end(run: Run, lease: Lease) -> bool:
    """Whether the run is completed; not so when a message has come in meanwhile, or somebody has moved the run."""
    patiently_here(close_lost_commands, run)
    patiently_here(expire_permissions, run)
    attempt = patiently_here(prepare_attempt, run)
    workspace = workspace_of(attempt)
    with TreeHold(workspace) as tree:
        patiently_here(finish_in, workspace)  # whoever was still at work in the tree is done, or dead
        if not attempt.session_id:
            patiently_here(take_run_snapshot, attempt, Snapshot.Kind.BEFORE_RUN, lease)
        # By another process of the agent where one has lost its session.
        while (prompt := patiently_here(next_prompt, attempt)) is not None:
            steps.set_up(run, attempt, lease, tree)
            tree.take()
            shown = Shown() if prompt.message else patiently_here(retrieve, prompt, attempt)
            sitting = patiently_here(Sitting, run, attempt, lease, tree, shown)
            async_to_sync(sitting.carry_out)()
            tree.take()
        steps.tear_down(run, attempt, lease, tree)
        tree.take()
        results.record_results(attempt, lease, "completed")
        return written_here(lifecycle.complete_run, run, lease)


def _require_running(lease: Lease) -> None:
    """Paused or cancelled just when its agent had come to the end: what is left is done when it is taken up again."""
    status = lease.held().values_list("status", flat=True).first()
    if status != Run.Status.RUNNING:
        raise RunInterrupted("lost" if status is None else str(status))


def _fail(run: Run, lease: Lease, code: str, message: str) -> None:
    """Failed, with what the agent has done until then kept for review."""
    _keep_what_is_there(run, lease, "failed")
    written_here(lifecycle.fail_run, run, code, message, lease=lease)


def _keep_what_is_there(run: Run, lease: Lease, outcome: str) -> None:
    attempt = patiently_here(current_attempt, run)
    if attempt is None or attempt.workspace is None:
        return
    with TreeHold(attempt.workspace) as tree:
        patiently_here(remove_login, attempt)  # of a worker that was killed
        _tear_down(run, attempt, lease, tree)
        tree.take()
        try:
            results.record_results(attempt, lease, outcome)
        except GitError as error:
            logger.warning("The files of run %s could not be recorded: %s", run.pk, error.message)
        except LeaseLost:
            raise
        except Exception:
            # The run is over whatever its tree is like: left as it is, it would be taken for one whose worker was
            # lost, and its agent would begin anew.
            logger.exception("The files of run %s could not be recorded.", run.pk)


def _tear_down(run: Run, attempt: RunAttempt, lease: Lease, tree: TreeHold) -> None:
    """After a run that has failed or was cancelled: that stays so, whatever comes of the teardown."""
    if attempt.workspace is None or not open_work_tree(attempt.workspace).is_ready:
        return
    try:
        steps.tear_down(run, attempt, lease, tree)
    except RunInterrupted as interruption:
        logger.warning("The teardown of run %s was cut short: %s.", run.pk, interruption.reason)
    except (LeaseLost, *AWAY):
        raise
    except Exception:
        logger.exception("The teardown of run %s failed inside the server.", run.pk)


def _interrupted(run: Run, lease: Lease, reason: str) -> None:
    """The agent has been ended: a running run goes back to the queue, a paused one waits, a cancelled one is over."""
    if reason == "lost":
        logger.warning("Run %s went to another worker.", run.pk)
        return
    text = "The worker is stopping." if reason == "stopping" else "The run's worker gave it up."
    try:
        was_given_back = written_here(pausing.give_back_run, run, lease, text)
    except LeaseLost:
        logger.warning("Run %s was moved on by somebody else.", run.pk)
        return
    if not was_given_back:
        _wind_up_cancelled(run, lease)


def _wind_up_cancelled(run: Run, lease: Lease) -> None:
    try:
        _keep_what_is_there(run, lease, "cancelled")
        patiently_here(expire_permissions, run)
    finally:
        patiently_here(lease.release)
