"""What a branch is at in the remote, at this moment; nothing is fetched."""

from collections.abc import Sequence

from projects.git.connection import UPLOAD_PACK, Connection, connections, reach
from projects.git.credentials import Credential, offered
from projects.git.errors import GitFailed
from projects.git.failures import classify
from projects.git.repository import Repository
from projects.git.urls import RemoteUrl


def remote_head(
    repository: Repository,
    remote: RemoteUrl,
    *,
    addresses: Sequence[str],
    credential: Credential | None = None,
    branch: str,
    timeout_seconds: float,
) -> str | None:
    """The id of the commit that the remote's `branch` is at; None where there is no such branch.

    Raises the errors of reaching a remote (projects.git.failures).
    """
    ref = f"refs/heads/{branch}"

    def ask(way: Connection) -> str | None:
        return _ask(repository, way, ref, timeout_seconds)

    with offered(credential) as login:
        return reach(connections(repository, remote, addresses, login), ask)


def _ask(repository: Repository, way: Connection, ref: str, timeout_seconds: float) -> str | None:
    local = ["--upload-pack", UPLOAD_PACK] if way.is_local else []
    try:
        answer = repository.run(
            ["ls-remote", *local, "--", way.url, ref],
            environment=way.environment,
            config=way.config,
            timeout_seconds=timeout_seconds,
        )
    except GitFailed as failure:
        raise classify(failure, has_login=way.has_login) from failure
    lines = (line.partition("\t") for line in answer.decode("utf-8", "surrogateescape").splitlines())
    return next((commit for commit, _, name in lines if name == ref), None)  # a pattern matches longer names too
