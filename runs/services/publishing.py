"""Pushes the run branch, never another, never by force, and only where the operator has given leave."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from config.api.params import read
from projects import remotes
from projects.git.errors import GitError
from projects.git.push import push_branch
from projects.git.repository import Repository
from projects.locks import push_lock, repository_lock
from projects.models import Project
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
    """The task's work. A second delivery pushes the same commit again, which changes nothing.

    What is pushed is one commit, read at the beginning, and what came of it is recorded of that one. The repository's
    lock is free while the remote is talked to: others work in the project meanwhile, and may even commit on the branch.
    """
    attempt = RunAttempt.objects.filter(pk=attempt_id).select_related("workspace__project").first()
    if attempt is None or attempt.workspace is None:
        return
    with push_lock(attempt.workspace):
        begun = _begin(attempt_id)
        if begun is not None:
            _push_and_record(begun)


@transaction.atomic
def _begin(attempt_id: int) -> RunAttempt | None:
    """The attempt with the commit that is pushed now; None where nobody waits for a push of it."""
    is_open = {"pk": attempt_id, "push_status__in": [PushStatus.QUEUED, PushStatus.PUSHING]}
    if not RunAttempt.objects.filter(**is_open).update(push_status=PushStatus.PUSHING):
        return None
    return RunAttempt.objects.select_related("run__project").get(pk=attempt_id)


def _push_and_record(attempt: RunAttempt) -> None:
    try:
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
        _record(attempt, "git_pushed", f"Pushed {(attempt.commit or '')[:12]} to {attempt.branch}.", "notice")


def _push(attempt: RunAttempt) -> None:
    _require_leave(attempt)
    _require_no_known_secret(attempt)
    project = attempt.run.project
    remote, addresses = remotes.locate(project.repository_url)
    push_branch(
        _repository(attempt),
        remote,
        addresses=addresses,
        credential=remotes.credential_of(project),
        commit=attempt.commit or "",
        branch=attempt.branch,
        locked=lambda: _held_with_leave(attempt),
        timeout_seconds=60 * read("git.push_timeout_minutes"),
    )


@contextmanager
def _held_with_leave(attempt: RunAttempt) -> Iterator[None]:
    """The repository, for who may push still: the look for secrets may have been long, and so the wait for this."""
    with repository_lock(attempt.run.project):
        _require_leave(attempt)
        yield


def _require_leave(attempt: RunAttempt) -> None:
    """What allowed the push when it was queued must still hold: the queue may have been long."""
    if not read("safety.auto_git_push"):
        raise PushWithdrawn(str(PushDisabled.default_detail), code="push-disabled")
    if Project.objects.filter(pk=attempt.run.project_id, status=Project.Status.ARCHIVED).exists():
        raise PushWithdrawn("The project was archived meanwhile: clone it again.", code="project-not-ready")
    review, commit = latest_review(attempt.run), _repository(attempt).read_commit(attempt.commit or "")
    if review is None or review.approved_tree != commit.tree:
        raise PushWithdrawn("The approval was withdrawn meanwhile: review the run again.", code="approval-stale")


def _require_no_known_secret(attempt: RunAttempt) -> None:
    """All of it, however large: the request that queued the push had no time for that."""
    seconds = 60.0 * read("git.push_timeout_minutes")
    redactor, commit = redactor_of(attempt.run), attempt.commit or ""
    for found in known_secrets(_repository(attempt), commit, redactor, remote_commit=None, seconds=seconds):
        place = f"{found.path or 'a commit or folder'}, line {found.line}"
        raise PushWithdrawn(f"The push would carry a {found.rule} ({place}).", code="secrets-found")


def _repository(attempt: RunAttempt) -> Repository:
    return open_repository(attempt.run.project)


@transaction.atomic
def _record(
    attempt: RunAttempt, event: str, message: str, severity: str, *, error: dict[str, Any] | None = None
) -> None:
    """What came of this commit; what another delivery has told already is not told again.

    Where a commit was made on top of it meanwhile, that one has not been pushed: only the log tells of this one then.
    """
    error = redactor_of(attempt.run).value(error)
    values: dict[str, Any] = {"push_status": PushStatus.FAILED, "push_error": error}
    if error is None:
        values = {"push_status": PushStatus.PUSHED, "push_error": None, "pushed_at": timezone.now()}
    rows = RunAttempt.objects.filter(pk=attempt.pk)
    is_first = rows.filter(commit=attempt.commit, push_status=PushStatus.PUSHING).update(**values)
    if is_first or rows.exclude(commit=attempt.commit).exists():
        data: dict[str, Any] = {"branch": attempt.branch, "commit": attempt.commit, "error": error}
        append(attempt.run, [Draft(event, message, severity, data=data)])
