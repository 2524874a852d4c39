"""Turns what git printed about a remote into the error that says who must do what; it never guesses a success."""

import re
from collections.abc import Callable

from projects.git.errors import (
    BranchNotFound,
    CredentialsNeeded,
    GitError,
    GitFailed,
    HostNotFound,
    HostUnreachable,
    RemoteDiverged,
    RemoteRefused,
    RepositoryNotFound,
)


def _host_not_found() -> GitError:
    return HostNotFound("The host could not be found. Check the address of the repository.")


def _unreachable() -> GitError:
    return HostUnreachable("The host does not answer. Check the address and the port, or try again later.")


def _bad_certificate() -> GitError:
    return HostUnreachable(
        "The host's TLS certificate is not valid, so the connection was given up.", code="bad-certificate"
    )


def _host_key_changed() -> GitError:
    return HostUnreachable(
        "The host's SSH key is not the one it had before. If its operator confirms the change, the pinned key must be "
        "forgotten first.",
        code="host-key-changed",
    )


def _redirected() -> GitError:
    return RemoteRefused(
        "The host sends us on to another address, which is not followed. Give the repository's final address "
        "(often it ends in .git).",
        code="redirected",
    )


def _not_trusted() -> GitError:
    return RemoteRefused(
        "The local repository belongs to another user than the server's, so Git does not read it. The operator must "
        "change its owner.",
        code="local-not-trusted",
    )


def _transport() -> GitError:
    return RemoteRefused("This transport is not allowed.", code="transport-not-allowed")


def _branch_not_found() -> GitError:
    return BranchNotFound("The repository has no such branch any more.")


def _diverged() -> GitError:
    return RemoteDiverged(
        "The branch was rewritten at its host: it no longer contains the commit that the project is at. Nothing was "
        "changed. To take the new history over, archive the project and clone it again: run branches and snapshots "
        "stay."
    )


def _credentials() -> GitError:
    return CredentialsNeeded(
        "The host wants a login for this repository, refuses the one that the project has, or has no such repository. "
        "Check the address, and set the project's credential: PUT /api/projects/{project}/credential."
    )


def _not_found() -> GitError:
    return RepositoryNotFound("The host has no such repository. Check the address; a private one may need a login.")


_HOST_NOT_FOUND = r"could not resolve (host|proxy)|name or service not known|unable to look up|in name resolution"
_CERTIFICATE = r"ssl certificate problem|certificate verif|server certificate|no alternative certificate"
_LOGIN = (
    r"could not read (username|password)|authentication failed|terminal prompts disabled|permission denied \("
    r"|returned error: 40[137]|permission to .* denied|too many authentication failures"
)
_NO_REPOSITORY = (
    r"returned error: 4(04|10)|repository .*not found|does not appear to be a git repository"
    r"|repository '.*' does not exist|repository not exported|no such repository|not a git repository"
    r"|project you were looking for could not be found"
)
_NO_ANSWER = (
    r"connection refused|failed to connect|couldn't connect|timed out|no route to host|network is unreachable"
    r"|connection reset|connection closed|unable to connect|remote end hung up|returned error: 5\d\d|tls|ssl"
)

_SIGNS: tuple[tuple[str, Callable[[], GitError]], ...] = (
    (r"(?m)^ ! \[rejected\] .*\(non-fast-forward\)$", _diverged),
    (_HOST_NOT_FOUND, _host_not_found),
    (r"host key verification failed|remote host identification has changed", _host_key_changed),
    (r"dubious ownership", _not_trusted),
    (r"transport '.*' not allowed", _transport),
    (r"returned error: 30[12378]|unable to update url base from redirection", _redirected),
    (_CERTIFICATE, _bad_certificate),
    (r"couldn't find remote ref|remote branch .* not found", _branch_not_found),
    (_LOGIN, _credentials),
    (_NO_REPOSITORY, _not_found),
    (_NO_ANSWER, _unreachable),
)


def classify(failure: GitFailed) -> GitError:
    """The error for the user, by git's messages in the C locale; the failure itself when none fits."""
    said = failure.standard_error.lower()
    for pattern, make in _SIGNS:
        if re.search(pattern, said):
            return make()
    return failure
