"""Turns what git printed about a remote into the error that says who must do what; it never guesses a success."""

import re
from collections.abc import Callable

from projects.git.errors import (
    BranchNotFound,
    ConnectionLost,
    CredentialsNeeded,
    CredentialsRefused,
    GitError,
    GitFailed,
    HostNotFound,
    HostUnreachable,
    InvalidAnswer,
    RemoteRefused,
    RepositoryNotFound,
)


def _host_not_found() -> GitError:
    return HostNotFound("The host could not be found. Check the address of the repository.")


def _unreachable() -> GitError:
    return HostUnreachable("The host does not answer. Check the address and the port, or try again later.")


def _busy() -> GitError:
    return HostUnreachable("The host takes no more requests from us for now. Try again later.", code="host-busy")


def _lost() -> GitError:
    return ConnectionLost("The connection to the host broke while data was coming. Nothing was changed. Try again.")


def _invalid_answer() -> GitError:
    return InvalidAnswer(
        "The host sent something that is no valid Git data. Nothing was changed. Try again; if it stays so, the "
        "repository's owner should check it with git fsck."
    )


def _certificate_expired() -> GitError:
    return _bad_certificate("has expired or is not valid yet: its operator must renew it, or a clock is wrong")


def _certificate_of_another() -> GitError:
    return _bad_certificate("is for another name: check the address")


def _certificate_unknown() -> GitError:
    """Git with GnuTLS gives no closer reason."""
    return _bad_certificate(
        "has expired, or comes from an authority that this server does not know. If that is your own, the operator "
        "names it in the param git.ca_bundle"
    )


def _bad_certificate(reason: str) -> GitError:
    return HostUnreachable(f"The host's TLS certificate {reason}. The connection was given up.", code="bad-certificate")


def _host_key_changed() -> GitError:
    return HostUnreachable(
        "The host's SSH key is not the one it had before: somebody may be listening in. Ask the host's operator. If "
        "the key was changed on purpose, this server's operator forgets the old one: bin/manage forget_host_keys, or "
        "the list of projects in the console.",
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


def _credentials() -> GitError:
    return CredentialsNeeded(
        "The host wants a login for this repository, or has no such repository. Check the address, and set the "
        "project's credential: PUT /api/projects/{project}/credential."
    )


def _credentials_refused() -> GitError:
    return CredentialsRefused(
        "The host refuses the login that the project has, or gives it no leave for this. Check that it is still valid "
        "and may do this at the host, or set another credential: PUT /api/projects/{project}/credential."
    )


def _no_git() -> GitError:
    return RepositoryNotFound(
        "The host answers at this address, but not as a Git repository. Check the address.", code="not-a-repository"
    )


def _not_found() -> GitError:
    return RepositoryNotFound("The host has no such repository. Check the address; a private one may need a login.")


_HOST_NOT_FOUND = r"could not resolve (host|proxy)|name or service not known|unable to look up|in name resolution"
_EXPIRED = r"certificate has expired|certificate is not yet valid"
_OTHER_NAME = r"no alternative certificate|certificate subject name|hostname mismatch"
_CERTIFICATE = r"ssl certificate problem|certificate verif|server certificate"
_LOGIN = (
    r"could not read (username|password)|authentication failed|terminal prompts disabled|permission denied \("
    r"|returned error: 40[137]|permission to .* denied|too many authentication failures|marked as read only"
)
_NO_REPOSITORY = (
    r"returned error: 4(04|10)|repository .*not found|does not appear to be a git repository"
    r"|repository '.*' does not exist|repository not exported|no such repository|not a git repository"
    r"|project you were looking for could not be found"
)
_NO_ANSWER = (
    r"connection refused|failed to connect|couldn't connect|timed out|no route to host|network is unreachable"
    r"|connection reset by .* port|connection closed by|unable to connect|returned error: 5\d\d"
    r"|gnutls_handshake|ssl_connect|ssl_error|tls connect error|kex_exchange_identification"
)
_LOST = (
    r"early eof|unexpected disconnect|remote end hung up|rpc failed|transfer closed|connection reset|unexpected eof"
    r"|operation too slow|connection closed|broken pipe|recv failure|empty reply"
)
_INVALID = (
    r"index-pack failed|unpack-objects|bad pack|pack .*corrupt|bad line length|protocol error"
    r"|did not send all necessary|inflate|invalid object|bad object|unexpected response|malformed|unknown object format"
    r"|mismatched algorithms"
)

_SIGNS: tuple[tuple[str, Callable[[], GitError]], ...] = (
    (_HOST_NOT_FOUND, _host_not_found),
    (r"host key verification failed|remote host identification has changed", _host_key_changed),
    (r"dubious ownership", _not_trusted),
    (r"transport '.*' not allowed", _transport),
    (r"returned error: 30[12378]|unable to update url base from redirection", _redirected),
    (_EXPIRED, _certificate_expired),
    (_OTHER_NAME, _certificate_of_another),
    (_CERTIFICATE, _certificate_unknown),
    (r"couldn't find remote ref|remote branch .* not found", _branch_not_found),
    (_LOGIN, _credentials),
    (r"not valid: is this a git repository|not valid: could not determine hash", _no_git),
    (_NO_REPOSITORY, _not_found),
    (r"returned error: 429", _busy),
    (_NO_ANSWER, _unreachable),
    (_LOST, _lost),
    (_INVALID, _invalid_answer),
)


def classify(failure: GitFailed, *, has_login: bool = False) -> GitError:
    """The error for the user, by git's messages in the C locale; the failure itself when none fits.

    `has_login` tells a login that was refused from one that is missing.
    """
    said = failure.standard_error.lower()
    for pattern, make in _SIGNS:
        if re.search(pattern, said):
            return _credentials_refused() if has_login and make is _credentials else make()
    return failure
