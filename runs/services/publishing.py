"""Pushes the run branch, never another, never by force, and only where the operator has given leave."""

from collections.abc import Collection, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from config.api.params import read
from projects import remotes
from projects.git.errors import GitError
from projects.git.push import push_branch
from projects.git.repository import Repository
from projects.locks import repository_lock
from projects.workspaces import open_repository
from runs import tasks
from runs.errors import NothingToCommit, PushDisabled, RemoteBranchMoved, SecretsFound
from runs.events import Draft, append
from runs.known_secrets import redactor_of
from runs.models import Run, RunAttempt
from runs.queries import conflict_members, latest_review
from runs.secret_scan import Finding, known_secrets
from runs.services.previews import preview_push
from runs.services.reviews import present_tree, require_approval, resting_attempt

PushStatus = Run.PushStatus


class PushWithdrawn(GitError):
    """The leave to push went between the queueing and the push."""


def require_push_allowed() -> None:
    """403 `push-disabled` unless the operator has set `safety.auto_git_push`."""
    if not read("safety.auto_git_push"):
        raise PushDisabled


def push_run(run: Run, *, actor: User, acknowledged: Collection[str] = ()) -> None:
    """Queues the push of the run's approved and committed branch. Queued already: nothing is added.

    `acknowledged` are fingerprints of findings that a person has looked at and wants published all the same.
    """
    require_push_allowed()
    with resting_attempt(run) as attempt:
        review = require_approval(run, present_tree(attempt))
    if attempt.commit is None:
        raise NothingToCommit("Commit the run first.", **conflict_members(run))
    if open_repository(run.project).read_commit(attempt.commit).tree != review.approved_tree:
        raise NothingToCommit("What was approved last is not committed yet: commit it first.", **conflict_members(run))
    if attempt.push_status == PushStatus.PUSHED:
        raise NothingToCommit("The commit has been pushed.", **conflict_members(run))
    if attempt.push_status not in (PushStatus.QUEUED, PushStatus.PUSHING):
        findings = _require_publishable(attempt, acknowledged)
        _queue_push(attempt, findings, actor=actor)


def _require_publishable(attempt: RunAttempt, acknowledged: Collection[str]) -> Sequence[Finding]:
    """What was found and acknowledged; 409 where the remote's branch has moved on, or for what nobody acknowledged."""
    preview, members = preview_push(attempt), conflict_members(attempt.run)
    if preview.outgoing.is_moved:
        raise RemoteBranchMoved(
            f"Somebody else has pushed to {attempt.branch} at the remote, and nothing is pushed by force. Rename or "
            "delete that branch there, then push again; or do the work anew in another run.",
            remote_commit=preview.remote.commit,
            **members,
        )
    if preview.known:
        raise SecretsFound(
            "It carries secrets that this server uses itself, which nobody can let pass: do the work anew in another "
            "run; or whoever set such a secret sets a new one.",
            secrets=[describe_finding(each) for each in preview.known],
            **members,
        )
    unknown = [each for each in preview.scan.findings if each.fingerprint not in acknowledged]
    if unknown:
        raise SecretsFound(
            "Look at each. A real one stays in the branch's commits even where a later commit takes it out: do the "
            "work anew in another run. For the others push with their fingerprints in acknowledgeSecrets.",
            secrets=[describe_finding(each) for each in unknown],
            **members,
        )
    return preview.scan.findings


@transaction.atomic
def _queue_push(attempt: RunAttempt, findings: Sequence[Finding], *, actor: User) -> None:
    rows = RunAttempt.objects.filter(pk=attempt.pk, commit=attempt.commit)
    idle = rows.exclude(push_status__in=[PushStatus.QUEUED, PushStatus.PUSHING, PushStatus.PUSHED])
    new = rows.filter(push_status__isnull=True) | idle
    if not new.update(push_status=PushStatus.QUEUED, push_error=None):
        return
    if findings:
        data = {"actorId": actor.pk, "commit": attempt.commit, "secrets": [describe_finding(each) for each in findings]}
        message = f"{actor.get_short_name()} pushes {len(findings)} findings that look like secrets."
        append(attempt.run, [Draft("log", message, "warning", data=data)])
    tasks.push_run.enqueue(attempt.pk)


def describe_finding(finding: Finding) -> dict[str, Any]:
    """A finding as clients see it."""
    line = finding.line or None
    return {"path": finding.path, "line": line, "rule": finding.rule, "fingerprint": finding.fingerprint}


def carry_out_push(attempt_id: int) -> None:
    """The task's work. A second delivery pushes the same commit again, which changes nothing."""
    attempts = RunAttempt.objects.filter(pk=attempt_id).select_related("run__project")
    attempt = attempts.first()
    if attempt is None:
        return
    # A commit takes this lock too: what is pushed, and what is recorded as pushed, is one and the same commit.
    with repository_lock(attempt.run.project):
        open_pushes = attempts.filter(push_status__in=[PushStatus.QUEUED, PushStatus.PUSHING])
        if open_pushes.update(push_status=PushStatus.PUSHING):
            _push_and_record(attempts.get())


def _push_and_record(attempt: RunAttempt) -> None:
    try:
        _require_leave(attempt)
        _push(attempt)
    except GitError as error:
        _record(
            attempt, "git_push_failed", error.message, "error", error={"code": error.code, "message": error.message}
        )
    except Exception:
        message = "The push failed inside the server: see its log. Push again to retry."
        _record(attempt, "git_push_failed", message, "error", error={"code": "internal-error", "message": message})
        raise
    else:
        _record(attempt, "git_pushed", f"Pushed {attempt.branch}.", "notice")


def _require_leave(attempt: RunAttempt) -> None:
    """What allowed the push when it was queued must still hold: the queue may have been long."""
    if not read("safety.auto_git_push"):
        raise PushWithdrawn(str(PushDisabled.default_detail), code="push-disabled")
    review, commit = latest_review(attempt.run), _repository(attempt).read_commit(attempt.commit or "")
    if review is None or review.approved_tree != commit.tree:
        raise PushWithdrawn("The approval was withdrawn meanwhile: review the run again.", code="approval-stale")
    _require_no_known_secret(attempt, commit.sha)


def _require_no_known_secret(attempt: RunAttempt, commit: str) -> None:
    """All of it, however large: the request that queued the push had no time for that."""
    seconds = 60.0 * read("git.push_timeout_minutes")
    redactor = redactor_of(attempt.run)
    for found in known_secrets(_repository(attempt), commit, redactor, remote_commit=None, seconds=seconds):
        place = f"{found.path or 'a commit or folder'}, line {found.line}"
        raise PushWithdrawn(f"The push would carry a {found.rule} ({place}).", code="secrets-found")


def _repository(attempt: RunAttempt) -> Repository:
    return open_repository(attempt.run.project)


def _push(attempt: RunAttempt) -> None:
    project = attempt.run.project
    remote, addresses = remotes.locate(project.repository_url)
    push_branch(
        _repository(attempt),
        remote,
        addresses=addresses,
        credential=remotes.credential_of(project),
        commit=attempt.commit or "",
        branch=attempt.branch,
        timeout_seconds=60 * read("git.push_timeout_minutes"),
    )


@transaction.atomic
def _record(
    attempt: RunAttempt, event: str, message: str, severity: str, *, error: dict[str, Any] | None = None
) -> None:
    error = redactor_of(attempt.run).value(error)
    values: dict[str, Any] = {"push_status": PushStatus.FAILED, "push_error": error}
    if error is None:
        values = {"push_status": PushStatus.PUSHED, "push_error": None, "pushed_at": timezone.now()}
    RunAttempt.objects.filter(pk=attempt.pk).update(**values)
    data: dict[str, Any] = {"branch": attempt.branch, "commit": attempt.commit, "error": error}
    append(attempt.run, [Draft(event, message, severity, data=data)])
