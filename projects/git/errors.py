"""What can go wrong with Git, one class for each thing a person would do differently; never holds a credential."""

from typing import ClassVar


class GitError(Exception):
    """A Git operation did not succeed. `code` is kebab-case and stable, `message` is plain text for the user."""

    default_code: ClassVar[str] = "git-error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.message = message


class HostNotFound(GitError):
    """The remote's host name does not resolve: the user corrects the address."""

    default_code = "host-not-found"


class HostUnreachable(GitError):
    """The host exists but does not answer, or not safely: the user waits or asks its operator."""

    default_code = "host-unreachable"


class RepositoryNotFound(GitError):
    """The host answers, but has no such repository (or hides it)."""

    default_code = "repository-not-found"


class ConnectionLost(GitError):
    """The connection broke in the middle: somebody tries again."""

    default_code = "connection-lost"


class InvalidAnswer(GitError):
    """The remote sent what is no Git data, or damaged: its owner looks at the repository."""

    default_code = "invalid-answer"


class CredentialsNeeded(GitError):
    """The remote wants a login that we do not have."""

    default_code = "credentials-needed"


class CredentialsRefused(CredentialsNeeded):
    """The remote refuses the login that we have: an owner of the project sets a valid one."""

    default_code = "credentials-refused"


class CredentialUnreadable(GitError):
    """The stored login cannot be opened: the operator restores the server's key, or an owner sets the login anew."""

    default_code = "credential-unreadable"


class LockLost(GitError):
    """The repository went to another process while this one held it for too long without a sign of life."""

    default_code = "repository-lock-lost"


class EmptyRepository(GitError):
    """The remote repository exists and has no commit on any branch."""

    default_code = "empty-repository"


class BranchNotFound(GitError):
    """The remote repository has no branch of that name."""

    default_code = "branch-not-found"


class RemoteRefused(GitError):
    """We do not talk to this remote: its address, host or transport is not allowed. `code` says which."""

    default_code = "remote-refused"


class RemoteMoved(GitError):
    """The remote branch has commits that ours lacks; we never push by force."""

    default_code = "remote-moved"


class RemoteDiverged(GitError):
    """The remote branch was rewritten: it no longer contains the commit that we are at."""

    default_code = "remote-diverged"


class PushRefused(GitError):
    """The remote's own rules (hook, protected branch) declined the push."""

    default_code = "push-refused"


class RefChanged(GitError):
    """A ref no longer had the expected value when it was to be changed; somebody else was first."""

    default_code = "ref-changed"


class WorkTreeRefused(GitError):
    """The work tree holds something that cannot be recorded faithfully. `code` says what, the message where."""

    default_code = "work-tree-refused"


class GitTimeout(GitError):
    """Git did not finish in the time given and was ended."""

    default_code = "git-timeout"


class DiskFull(GitError):
    """The server's disk or quota is full: its operator frees space."""

    default_code = "disk-full"


class FetchTooLarge(GitError):
    """The remote sends more than may be written: the operator allows more, or less is fetched."""

    default_code = "fetch-too-large"


class OutOfMemory(GitError):
    """Git would have needed more memory than it may have: whoever put something so large there takes it out."""

    default_code = "git-out-of-memory"


class GitFailed(GitError):
    """Git failed otherwise. `message` is its last line; the attributes carry all that it said, credentials scrubbed."""

    default_code = "git-failed"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        exit_status: int = -1,
        standard_output: bytes = b"",
        standard_error: str = "",
    ) -> None:
        super().__init__(message, code=code)
        self.exit_status = exit_status
        self.standard_output = standard_output
        self.standard_error = standard_error


class SigningFailed(GitError):
    """A commit could not be signed: the server's operator looks at the key and at ssh-keygen."""

    default_code = "signing-failed"
