"""Removes the snapshots of runs long at rest whose work trees are gone too; the last state is kept first.

A snapshot's commit has the one before as its parent, so that an attempt's snapshots hold their objects together: they
go together. First the rows go, then the refs: a kill between leaves refs without rows, which go a day later.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from config.api.params import read
from projects.git.errors import GitError
from projects.git.refs import bytes_held_by, delete_refs, refs_older_than
from projects.git.rescue import keep_tree
from projects.leases import free
from projects.locks import LockNotFree, repository_lock, rest_lock
from projects.models import Project
from projects.services.disk import Removal
from projects.workspaces import open_repository
from runs.events import Draft, append
from runs.models import Run, RunAttempt
from snapshots.models import Restore, Snapshot
from snapshots.services.collecting import want_collection

SNAPSHOTS = "snapshots"
LOCK_WAIT_SECONDS = 10.0
ORPHANS_KEPT_SECONDS = 24 * 3600


def due_snapshots(project: Project) -> QuerySet[RunAttempt]:
    """Attempts of runs at rest, without a work tree, whose newest snapshot and whose run's end are long ago.

    Long is `retention.snapshot_days`. None that a restore under way reads or has just kept; where a work tree is, its
    snapshots are what a review or a follow-up goes back to.
    """
    days: int = read("retention.snapshot_days")
    if not days:
        return RunAttempt.objects.none()
    since = timezone.now() - timedelta(days=days)
    over = Run.objects.filter(free(), project=project, status__in=Run.AT_REST, finished_at__lt=since)
    theirs = Snapshot.objects.filter(run=OuterRef("run"), attempt=OuterRef("number"))
    under_way = Restore.Status.UNDER_WAY
    needed = theirs.filter(Q(created_at__gte=since) | Q(restores__status=under_way) | Q(restore__status=under_way))
    gone = RunAttempt.objects.filter(Q(pruned_at__isnull=False) | Q(workspace=None), run__in=over)
    return gone.filter(Exists(theirs), ~Exists(needed)).select_related("run__project", "workspace").order_by("pk")


def prune_snapshots(project: Project, *, is_dry: bool) -> Iterator[Removal]:
    """Removes those that are due, and refs that a kill has left without a row."""
    for attempt in due_snapshots(project):
        yield _look_at(attempt) if is_dry else _prune(attempt)
    if project.repository_path.is_dir():
        yield from _prune_orphans(project, is_dry=is_dry)


def _of(attempt: RunAttempt) -> QuerySet[Snapshot]:
    return Snapshot.objects.filter(run=attempt.run_id, attempt=attempt.number)


def _name(attempt: RunAttempt) -> str:
    return f"run {attempt.run_id}, attempt {attempt.number}"


def _look_at(attempt: RunAttempt) -> Removal:
    repository, commits = open_repository(attempt.run.project), list(_of(attempt).values_list("commit", flat=True))
    try:
        size = bytes_held_by(repository, commits, but_for=f"{Snapshot.REF_PREFIX}*")
    except GitError as error:
        return _kept(attempt, error.message)
    return Removal(SNAPSHOTS, _name(attempt), attempt.run.project_id, size, count=len(commits))


def _kept(attempt: RunAttempt, reason: str) -> Removal:
    return Removal(SNAPSHOTS, _name(attempt), attempt.run.project_id, kept_for=reason)


def _prune(attempt: RunAttempt) -> Removal:
    """What it frees, the collection of objects tells."""
    try:
        with ExitStack() as stack:
            if attempt.workspace is not None:
                stack.enter_context(rest_lock(attempt.workspace, wait_seconds=0))
            stack.enter_context(repository_lock(attempt.run.project, wait_seconds=LOCK_WAIT_SECONDS))
            return _prune_held(attempt)
    except LockNotFree:
        return _kept(attempt, "others are at work in its tree or in the repository")
    except GitError as error:
        return _kept(attempt, error.message)


def _prune_held(attempt: RunAttempt) -> Removal:
    rescue_ref, refs = _keep_last(attempt), list(_of(attempt).values_list("ref", flat=True))
    if not _record(attempt, rescue_ref):
        return _kept(attempt, "the run has been taken up again")
    delete_refs(open_repository(attempt.run.project), refs)
    return Removal(SNAPSHOTS, _name(attempt), attempt.run.project_id, rescue_ref=rescue_ref, count=len(refs))


def _keep_last(attempt: RunAttempt) -> str | None:
    """The ref that keeps the last state, unless the branch does or a person has dropped it."""
    last = _of(attempt).order_by("-pk").first()
    if last is None or attempt.rescue_dropped_at is not None:
        return None
    return keep_tree(
        open_repository(attempt.run.project),
        last.tree,
        name=f"run-{attempt.run_id}-{attempt.number}",
        branch=attempt.branch,
        base=attempt.base_commit,
        pushed=attempt.commit if attempt.push_status == Run.PushStatus.PUSHED else None,
        message=f"Last snapshot of {_name(attempt)}, kept before it was removed",
    )


@transaction.atomic
def _record(attempt: RunAttempt, rescue_ref: str | None) -> bool:
    """From its commit on the snapshots are gone. False where the run has moved meanwhile."""
    run = Run.objects.select_for_update().get(pk=attempt.run_id)
    if not due_snapshots(attempt.run.project).filter(pk=attempt.pk).exists():
        return False
    number, _ = _of(attempt).delete()
    if rescue_ref:
        RunAttempt.objects.filter(pk=attempt.pk).update(rescue_ref=rescue_ref)
    want_collection(attempt.run.project)
    kept = f"; the last state is kept as {rescue_ref}" if rescue_ref else ""
    data = {"attempt": attempt.number, "rescueRef": rescue_ref}
    text = f"The snapshots of attempt {attempt.number} were removed{kept}."
    append(run, [Draft("log", text, "notice", data=data)])
    return bool(number)


def _prune_orphans(project: Project, *, is_dry: bool) -> Iterator[Removal]:
    """Refs that no row names: who took or removed the snapshot was killed. A young one may get its row yet."""
    repository = open_repository(project)
    found = set(refs_older_than(repository, Snapshot.REF_PREFIX, ORPHANS_KEPT_SECONDS))
    orphans = sorted(found - set(Snapshot.objects.filter(project=project).values_list("ref", flat=True)))
    if not orphans:
        return
    removal = Removal(SNAPSHOTS, "nobody", project.pk, count=len(orphans))
    if is_dry:
        yield removal
        return
    try:
        with repository_lock(project, wait_seconds=LOCK_WAIT_SECONDS):
            delete_refs(repository, orphans)
    except LockNotFree:
        yield replace(removal, kept_for="others are at work in the repository")
    else:
        want_collection(project)
        yield removal
