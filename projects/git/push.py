"""Pushing one commit to one branch of a remote; never by force, never another ref, never a tag."""

import contextlib
import math
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from projects.git.connection import RECEIVE_PACK, Connection, connections, reach
from projects.git.credentials import Credential, offered
from projects.git.errors import GitError, GitFailed, PushRefused, RemoteMoved
from projects.git.failures import classify
from projects.git.remote_branch import remote_head
from projects.git.repository import Repository, is_object_id
from projects.git.urls import RemoteUrl

REASON_LENGTH = 500
LISTING_TIMEOUT_SECONDS = 60.0


def push_branch(
    repository: Repository,
    remote: RemoteUrl,
    *,
    addresses: Sequence[str],
    credential: Credential | None = None,
    commit: str,
    branch: str,
    locked: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    timeout_seconds: float = 600,
) -> None:
    """Make the remote's `branch` point to `commit`. Pushing the same again is fine, even at the same time.

    `locked` gives the repository lock, or raises what the caller thinks of the push by then: it is held while the
    commit is published here, never while the remote is talked to. Raises RemoteMoved when the remote branch has other
    commits, PushRefused with the remote's own words when its rules say no, and the errors of reaching a remote.
    """
    if not is_object_id(commit):
        raise ValueError("a full commit id is needed")
    target = f"refs/heads/{branch}"
    _check_branch(repository, target)

    def attempt(way: Connection) -> None:
        _push(repository, way, f"{commit}:{target}", timeout_seconds)

    with locked():
        repository.publish(commit)
    try:
        with offered(credential) as login:
            reach(connections(repository, remote, addresses, login), attempt)
    except PushRefused:
        # The remote may have been at work on another push of the same, as that of a worker that was killed.
        if _ask_again(repository, remote, addresses, credential, branch) != commit:
            raise


def _ask_again(
    repository: Repository, remote: RemoteUrl, addresses: Sequence[str], credential: Credential | None, branch: str
) -> str | None:
    with contextlib.suppress(GitError):
        return remote_head(
            repository,
            remote,
            addresses=addresses,
            credential=credential,
            branch=branch,
            timeout_seconds=LISTING_TIMEOUT_SECONDS,
        )
    return None


def _check_branch(repository: Repository, target: str) -> None:
    try:
        # `--branch` would read `@{-1}` and the like; it alone refuses a leading dash, so that is asked here.
        repository.run(["check-ref-format", target.replace("refs/heads/-", "..")])
    except GitFailed:
        raise PushRefused("This is not a possible name of a branch.", code="invalid-branch") from None


def _push(repository: Repository, way: Connection, refspec: str, timeout_seconds: float) -> None:
    local = ["--receive-pack", RECEIVE_PACK] if way.is_local else []
    options = ["--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no", *local]
    try:
        repository.run(
            ["push", *options, "--", way.url, refspec],
            environment=way.environment,
            # A host that checks what it has got says little meanwhile: only the push's own time is its limit.
            config=(*way.config, ("http.lowSpeedTime", str(math.ceil(timeout_seconds)))),
            timeout_seconds=timeout_seconds,
        )
    except GitFailed as failure:
        raise _classify_push(failure, way) from failure


def _classify_push(failure: GitFailed, way: Connection) -> GitError:
    """By the status line of `--porcelain` (git-push(1), Output): `!`, the refs, `[rejected] (reason)`."""
    status = re.search(rb"^!\t[^\t]*\t\[(.*?)\] \((.*)\)", failure.standard_output, re.MULTILINE)
    if status is None:
        return classify(failure, has_login=way.has_login)
    kind, reason = (part.decode("utf-8", "replace") for part in status.groups())
    if kind == "rejected":
        return RemoteMoved(
            "The remote branch has commits that this one lacks. Nothing was pushed; we never push by force."
        )
    return PushRefused(f"The remote declined the push: {_in_its_words(failure, reason)}")


def _in_its_words(failure: GitFailed, reason: str) -> str:
    said = re.findall(r"^remote: (.*\S)", failure.standard_error, re.MULTILINE)
    return "; ".join([reason, *said])[:REASON_LENGTH]
