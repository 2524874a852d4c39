"""Approval, rejection and commit. An approval is of one tree; whatever changes the tree after it makes it stale."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from config.api.params import read
from projects.git.commits import commit_tree
from projects.git.errors import GitError
from projects.git.identity import Identity
from projects.git.repository import Repository
from projects.locks import repository_lock
from projects.services.lifecycle import require_writable
from projects.workspaces import open_repository, open_work_tree
from runs.errors import (
    ApprovalRequired,
    ApprovalStale,
    NothingToCommit,
    RunNotReviewable,
    TreeChanged,
    WorkspaceBusy,
)
from runs.events import Draft, append
from runs.models import Run, RunAttempt, RunReview
from runs.queries import conflict_members, current_attempt, latest_review
from runs.services.recording import record_present_files

Decision = RunReview.Decision


def review_run(run: Run, decision: str, *, actor: User, notes: str = "", tree: str | None = None) -> RunReview:
    """Writes a verdict on the run's present tree; `tree` is the one that the reviewer was shown."""
    attempt = reviewable_attempt(run)
    present = present_tree(attempt)
    if tree is not None and tree != present:
        raise TreeChanged("The work tree has changed since it was shown.", tree=present, **conflict_members(run))
    with transaction.atomic():
        review = RunReview.objects.create(
            run=run, attempt=run.attempt, decision=decision, notes=notes, tree=present, reviewer=actor
        )
        data = {"decision": decision, "reviewerId": actor.pk, "tree": present, "reviewId": review.pk}
        append(run, [Draft("review_submitted", f"Run {decision} by {actor.get_short_name()}.", "notice", data=data)])
    return review


def reviewable_attempt(run: Run) -> RunAttempt:
    """The attempt under review: the run is at rest, its agent is gone and it has a work tree."""
    run.refresh_from_db()
    require_writable(run.project)
    attempt = current_attempt(run)
    if run.status not in Run.AT_REST or attempt is None or attempt.workspace is None:
        raise RunNotReviewable(f"Run #{run.pk} is {run.status} or has no work tree.", **conflict_members(run))
    if run.has_agent:
        raise WorkspaceBusy("The agent is still being stopped.", **conflict_members(run))
    return attempt


def present_tree(attempt: RunAttempt) -> str:
    """The tree as it is on disk now; where somebody has changed it since the run, its files are recorded anew."""
    workspace = attempt.workspace
    if workspace is None:
        raise RunNotReviewable("The run has no work tree.", **conflict_members(attempt.run))
    try:
        return record_present_files(attempt, None, open_work_tree(workspace))
    except GitError as error:
        raise RunNotReviewable(error.message, reason=error.code, **conflict_members(attempt.run)) from error


def require_approval(run: Run, tree: str) -> RunReview:
    """The approval of exactly this tree, or 409 `approval-required`, `approval-stale`."""
    review = latest_review(run)
    if review is None or review.decision != Decision.APPROVED:
        raise ApprovalRequired("Approve the run first.", **conflict_members(run))
    if review.tree != tree:
        raise ApprovalStale("The work tree has changed since the approval: review it again.", **conflict_members(run))
    return review


def commit_run(run: Run, *, actor: User, message: str = "") -> None:
    """Commits the approved tree on the run branch. Killed between Git and the database: called again, it goes on."""
    attempt = reviewable_attempt(run)
    tree = present_tree(attempt)
    review = require_approval(run, tree)
    repository = open_repository(run.project)
    with repository_lock(run.project):
        attempt.refresh_from_db()
        commit = _commit(repository, attempt, tree, review=review, message=message, at=timezone.now())
        _record_commit(attempt, commit, tree, actor=actor)


def _commit(
    repository: Repository, attempt: RunAttempt, tree: str, *, review: RunReview, message: str, at: datetime
) -> str:
    ref = f"refs/heads/{attempt.branch}"
    head = repository.resolve(ref)
    parent = head or attempt.base_commit
    if repository.read_commit(parent).tree == tree:
        if head is None or head == attempt.commit:
            raise NothingToCommit("Everything is committed.", **conflict_members(attempt.run))
        return head  # a commit whose recording was cut short
    commit = commit_tree(
        repository,
        tree=tree,
        parents=[parent],
        author=_identity_of(review.reviewer),
        committer=Identity(read("git.author_name"), read("git.author_email")),
        message=_message(attempt.run, message),
        at=at,
    )
    repository.update_ref(ref, commit, head)
    return commit


def _identity_of(reviewer: User | None) -> Identity:
    if reviewer is None:
        return Identity(read("git.author_name"), read("git.author_email"))
    return Identity(reviewer.get_short_name(), reviewer.email)


def _message(run: Run, message: str) -> str:
    text = message.strip() or run.title
    return f"{text}\n\nQuarterdeck-Run: {run.pk}\nQuarterdeck-Agent: {run.selected_agent}\n"


@transaction.atomic
def _record_commit(attempt: RunAttempt, commit: str, tree: str, *, actor: User) -> None:
    values: dict[str, Any] = {"commit": commit, "head_commit": commit, "committed_tree": tree}
    values |= {"committed_at": timezone.now(), "push_status": None, "push_error": None, "pushed_at": None}
    RunAttempt.objects.filter(pk=attempt.pk).update(**values)
    data = {"commit": commit, "branch": attempt.branch, "actorId": actor.pk}
    append(attempt.run, [Draft("git_committed", f"Committed {commit[:12]} on {attempt.branch}.", "notice", data=data)])
