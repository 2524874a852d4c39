"""Approval, rejection and commit. An approval is of one tree; whatever changes the tree after it makes it stale."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from config.api.params import read
from projects.git.commits import commit_tree
from projects.git.errors import GitError, LockLost, RefChanged, SigningFailed
from projects.git.identity import Identity
from projects.git.repository import Repository
from projects.locks import LockNotFree, repository_lock, rest_lock
from projects.services.lifecycle import require_writable
from projects.workspaces import open_repository, open_work_tree
from runs.errors import (
    ApprovalRequired,
    ApprovalStale,
    NothingToCommit,
    RunNotReviewable,
    SigningNotPossible,
    TreeChanged,
    WorkspaceBusy,
)
from runs.events import Draft, append
from runs.known_secrets import redactor_of
from runs.models import Run, RunAttempt, RunReview
from runs.queries import conflict_members, current_attempt, latest_review
from runs.services.parts import Part, Remainder, leave_out
from runs.services.recording import record_present_files
from runs.services.signing import signing_key_for

Decision = RunReview.Decision
LOCK_WAIT_SECONDS = 10.0
"""A third of what clients usually wait for an answer; laying out a large work tree may hold the repository longer."""
RETRY_AFTER_SECONDS = 5


def review_run(
    run: Run,
    decision: str,
    *,
    actor: User,
    notes: str = "",
    tree: str | None = None,
    commit: bool = False,
    rejected: Sequence[Part] = (),
) -> None:
    """Writes a verdict on the run's present tree; `tree` is the one that the reviewer was shown.

    An approval may leave parts of it out: they stay in the work tree, and are neither committed nor pushed. With
    `commit` it is an approval whose tree is committed too; nothing is written where there is nothing to commit.
    """
    with resting_attempt(run) as attempt:
        present = present_tree(attempt)
        if tree is not None and tree != present:
            raise TreeChanged("The work tree has changed since it was shown.", tree=present, **conflict_members(run))
        remainder = _remainder(attempt, present, rejected)
        if not commit:
            _record_review(attempt, decision, actor=actor, notes=notes, tree=present, remainder=remainder)
            return
        signing_key_for(run)  # asked before anything is written
        with _held_repository(run):
            _require_outstanding(open_repository(run.project), attempt, remainder.tree)
            review = _record_review(attempt, decision, actor=actor, notes=notes, tree=present, remainder=remainder)
            _commit_tree(attempt, remainder.tree, review, actor=actor)


def _remainder(attempt: RunAttempt, tree: str, rejected: Sequence[Part]) -> Remainder:
    if not rejected:
        return Remainder(tree, [])
    try:
        return leave_out(open_repository(attempt.run.project), attempt.base_commit, tree, rejected)
    except GitError as error:
        raise RunNotReviewable(error.message, reason=error.code, **conflict_members(attempt.run)) from error


@transaction.atomic
def _record_review(
    attempt: RunAttempt, decision: str, *, actor: User, notes: str, tree: str, remainder: Remainder
) -> RunReview:
    run = attempt.run
    still = Run.objects.select_for_update().filter(pk=run.pk, attempt=attempt.number, status__in=Run.AT_REST)
    if not still.exists():  # tried again, or sent a message, while its tree was being read
        raise _not_reviewable(run)
    review = RunReview.objects.create(
        run=run,
        attempt=attempt.number,
        decision=decision,
        notes=notes,
        tree=tree,
        accepted_tree=remainder.tree if remainder.rejected else None,
        rejected=remainder.rejected,
        reviewer=actor,
    )
    append(run, [_review_draft(review, actor)])
    return review


def _review_draft(review: RunReview, actor: User) -> Draft:
    data = {
        "decision": review.decision,
        "reviewerId": actor.pk,
        "tree": review.tree,
        "reviewId": review.pk,
        "acceptedTree": review.approved_tree,
        "rejectedFiles": review.rejected_files,
        "rejectedHunks": review.rejected_hunks,
    }
    left_out = ", in part" if review.rejected else ""
    return Draft(
        "review_submitted", f"Run {review.decision}{left_out} by {actor.get_short_name()}.", "notice", data=data
    )


@contextmanager
def resting_attempt(run: Run) -> Iterator[RunAttempt]:
    """The attempt under review, in whose tree no agent starts while the body runs. One body at a time."""
    workspace = _attempt_at_rest(run).workspace
    if workspace is None:
        raise _not_reviewable(run)
    with ExitStack() as stack:
        try:
            stack.enter_context(rest_lock(workspace, wait_seconds=LOCK_WAIT_SECONDS))
        except LockNotFree:
            raise _busy(run, "Others are at work in this tree: try again.") from None
        yield _attempt_at_rest(run)


def _attempt_at_rest(run: Run) -> RunAttempt:
    """The run is at rest, its agent is gone and it has a work tree; else 409."""
    run.refresh_from_db()
    require_writable(run.project)
    attempt = current_attempt(run)
    if run.status not in Run.AT_REST or attempt is None or not attempt.has_work_tree:
        raise _not_reviewable(run)
    if run.has_agent:
        raise WorkspaceBusy("The agent is still being stopped.", **conflict_members(run))
    return attempt


def _not_reviewable(run: Run) -> RunNotReviewable:
    run.refresh_from_db()
    return RunNotReviewable(f"Run #{run.pk} is {run.status} or has no work tree.", **conflict_members(run))


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
    """Commits the approved tree on the run branch."""
    with resting_attempt(run) as attempt:
        tree = present_tree(attempt)
        review = require_approval(run, tree)
        with _held_repository(run):
            _commit_tree(attempt, review.approved_tree or tree, review, actor=actor, message=message)


@contextmanager
def _held_repository(run: Run) -> Iterator[None]:
    """The repository for the body, with an answer for whoever asked: a request waits only so long."""
    with ExitStack() as stack:
        try:
            stack.enter_context(repository_lock(run.project, wait_seconds=LOCK_WAIT_SECONDS))
        except LockNotFree:
            raise _busy(run, "Others are at work in the project's repository: try again.") from None
        try:
            yield
        except (RefChanged, LockLost) as error:
            raise _busy(run, error.message) from error
        except SigningFailed as error:
            raise SigningNotPossible(error.message, **conflict_members(run)) from error


def _busy(run: Run, detail: str) -> WorkspaceBusy:
    """Of what is over in a moment; `Retry-After` says when to ask again."""
    busy = WorkspaceBusy(detail, **conflict_members(run))
    busy.headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return busy


def _commit_tree(attempt: RunAttempt, tree: str, review: RunReview, *, actor: User, message: str = "") -> None:
    """Under the repository lock. Killed between Git and the database: called again, it goes on."""
    attempt.refresh_from_db()
    commit = _commit(open_repository(attempt.run.project), attempt, tree, review=review, message=message)
    _record_commit(attempt, commit, tree, actor=actor)


def _require_outstanding(repository: Repository, attempt: RunAttempt, tree: str) -> str | None:
    """The head of the run's branch, None before its first commit; 409 where the tree is committed already."""
    head = repository.resolve(f"refs/heads/{attempt.branch}")
    if repository.read_commit(head or attempt.base_commit).tree == tree and head in (None, attempt.commit):
        raise NothingToCommit("Everything is committed.", **conflict_members(attempt.run))
    return head


def _commit(repository: Repository, attempt: RunAttempt, tree: str, *, review: RunReview, message: str) -> str:
    head = _require_outstanding(repository, attempt, tree)
    if head is not None and repository.read_commit(head).tree == tree:
        return head  # a commit whose recording was cut short
    commit = commit_tree(
        repository,
        tree=tree,
        parents=[head or attempt.base_commit],
        author=_identity_of(review.reviewer),
        committer=Identity(read("git.author_name"), read("git.author_email")),
        message=_message(attempt.run, message),
        at=timezone.now(),
        signing_key=signing_key_for(attempt.run),
    )
    repository.update_ref(f"refs/heads/{attempt.branch}", commit, head)
    return commit


def _identity_of(reviewer: User | None) -> Identity:
    if reviewer is None:
        return Identity(read("git.author_name"), read("git.author_email"))
    return Identity(reviewer.get_short_name(), reviewer.email)


def _message(run: Run, message: str) -> str:
    text = message.strip() or redactor_of(run).text(run.title)
    return f"{text}\n\nQuarterdeck-Run: {run.pk}\nQuarterdeck-Agent: {run.selected_agent}\n"


@transaction.atomic
def _record_commit(attempt: RunAttempt, commit: str, tree: str, *, actor: User) -> None:
    values: dict[str, Any] = {"commit": commit, "head_commit": commit, "committed_tree": tree}
    values |= {"committed_at": timezone.now(), "push_status": None, "push_error": None, "pushed_at": None}
    RunAttempt.objects.filter(pk=attempt.pk).update(**values)
    data = {"commit": commit, "branch": attempt.branch, "actorId": actor.pk}
    append(attempt.run, [Draft("git_committed", f"Committed {commit[:12]} on {attempt.branch}.", "notice", data=data)])
