"""What a push of a run's commit would do: where the remote is now, what it lacks, what looks like a secret in it."""

from dataclasses import dataclass

from config.api.params import read
from projects import remotes
from projects.git.changes import FileChange, changed_files
from projects.git.errors import GitError
from projects.git.outgoing import Outgoing, find_outgoing
from projects.git.remote_branch import remote_head
from projects.git.repository import Repository
from projects.models import Project
from projects.workspaces import open_repository
from runs.errors import NothingToCommit
from runs.known_secrets import redactor_of
from runs.models import RunAttempt
from runs.queries import conflict_members
from runs.secret_scan import Finding, Scan, known_secrets, scan_outgoing

ASK_SECONDS = 15.0
"""A remote that takes longer to say where a branch is counts as not reached: a request is waiting."""


@dataclass(frozen=True)
class RemoteState:
    """What the remote's branch is at; None where it has none, or could not be asked (then `error` says why)."""

    commit: str | None
    error: dict[str, str] | None


@dataclass(frozen=True)
class Preview:
    """A push before it is made. `compared_with` names the branch that the counts and files refer to.

    `known` are the places of secrets that this server uses itself. `left_out` is what the run's tree has beyond the
    commit: parts that an approval left out, or that came later.
    """

    attempt: RunAttempt
    is_allowed: bool
    remote: RemoteState
    compared_with: str
    outgoing: Outgoing
    files: tuple[FileChange, ...]
    left_out: tuple[FileChange, ...]
    scan: Scan
    known: tuple[Finding, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Known secrets first: those cannot be acknowledged."""
        return (*self.known, *self.scan.findings)


def preview_push(attempt: RunAttempt) -> Preview:
    """Asks the remote, with the project's login, and looks for secrets; nothing is changed here or there."""
    project, commit = attempt.run.project, attempt.commit
    if commit is None:
        raise NothingToCommit("Commit the run first.", **conflict_members(attempt.run))
    repository = open_repository(project)
    redactor = redactor_of(attempt.run)
    state = ask_remote(project, repository, attempt.branch)
    outgoing = find_outgoing(
        repository, commit, remote_commit=state.commit, default_branch=project.default_branch or ""
    )
    return Preview(
        attempt=attempt,
        is_allowed=bool(read("safety.auto_git_push")),
        remote=state,
        compared_with=attempt.branch if state.commit else project.default_branch or "",
        outgoing=outgoing,
        files=changed_files(repository, outgoing.base or attempt.base_commit, commit),
        left_out=changed_files(repository, commit, attempt.tree or commit),
        scan=scan_outgoing(repository, commit, remote_commit=state.commit),
        known=known_secrets(repository, commit, redactor, remote_commit=state.commit),
    )


def ask_remote(project: Project, repository: Repository, branch: str) -> RemoteState:
    """Where the remote's branch is now."""
    try:
        remote, addresses = remotes.locate(project.repository_url)
        head = remote_head(
            repository,
            remote,
            addresses=addresses,
            credential=remotes.credential_of(project),
            branch=branch,
            timeout_seconds=ASK_SECONDS,
        )
    except GitError as error:
        return RemoteState(None, {"code": error.code, "message": error.message})
    return RemoteState(head, None)
