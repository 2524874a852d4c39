"""Fetching from a remote into the bare repository; it writes `refs/remotes/origin/` only, and prunes only there."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from projects.git.connection import UPLOAD_PACK, Connection, connections, reach
from projects.git.credentials import Credential, offered
from projects.git.errors import BranchNotFound, EmptyRepository, GitFailed
from projects.git.failures import classify
from projects.git.repository import REMOTE_REFS, Repository
from projects.git.urls import RemoteUrl

LISTING_TIMEOUT_SECONDS = 60.0
_PROGRESS = re.compile(r"(?:remote: )?(?P<phase>[A-Z][a-z]+ [a-z]+):\s+(?P<percent>\d{1,3})%")


@dataclass(frozen=True)
class FetchProgress:
    """How far git is: its own name of the phase ("Receiving objects") and 0 to 100 percent of that phase."""

    phase: str
    percent: int


@dataclass(frozen=True)
class FetchResult:
    """The branch that counts as the default one (the given, else the remote's HEAD), and the commit it is at."""

    default_branch: str
    head_commit: str


@dataclass(frozen=True)
class RemoteBranches:
    """What the remote has: branch name → commit, and the branch that its HEAD names."""

    commits: dict[str, str]
    head: str


def fetch(
    repository: Repository,
    remote: RemoteUrl,
    *,
    addresses: Sequence[str],
    credential: Credential | None = None,
    branch: str | None = None,
    depth: int | None = None,
    on_progress: Callable[[FetchProgress], None] = lambda progress: None,
    timeout_seconds: float = 3600,
) -> FetchResult:
    """Bring the remote's branches up to date; the caller holds the repository lock. May be run again at any time.

    With `depth` only the chosen branch is fetched, cut off after that many commits. Raises the errors of
    `errors.py`; a refused or failed fetch leaves the refs as they were.
    """
    repository.remove_leftovers()

    def attempt(way: Connection) -> FetchResult:
        chosen = _choose_branch(repository, way, branch, timeout_seconds)
        if depth is None:
            options, refspec = ["--prune"], f"+refs/heads/*:{REMOTE_REFS}*"
        else:
            options, refspec = [f"--depth={depth}"], f"+refs/heads/{chosen}:{REMOTE_REFS}{chosen}"
        _fetch(repository, way, options, [refspec], on_progress, timeout_seconds)
        return _made_default(repository, chosen)

    with offered(credential) as login:
        return reach(connections(repository, remote, addresses, login), attempt)


def pull(
    repository: Repository,
    remote: RemoteUrl,
    *,
    addresses: Sequence[str],
    credential: Credential | None = None,
    branch: str | None = None,
    on_progress: Callable[[FetchProgress], None] = lambda progress: None,
    timeout_seconds: float = 3600,
) -> FetchResult:
    """As `fetch`, but the chosen branch only moves forwards: RemoteDiverged, and all refs as they were, if it cannot.

    The other branches follow the remote, rewritten or not. Where the history was cut off, only the chosen branch comes,
    with all its commits since.
    """
    repository.remove_leftovers()

    def attempt(way: Connection) -> FetchResult:
        chosen = _choose_branch(repository, way, branch, timeout_seconds)
        forwards = f"refs/heads/{chosen}:{REMOTE_REFS}{chosen}"
        _fetch(repository, way, [], [forwards], on_progress, timeout_seconds)
        if not repository.is_shallow:
            others = [f"+refs/heads/*:{REMOTE_REFS}*", f"^refs/heads/{chosen}"]
            _fetch(repository, way, ["--prune"], others, on_progress, timeout_seconds)
        return _made_default(repository, chosen)

    with offered(credential) as login:
        return reach(connections(repository, remote, addresses, login), attempt)


def _choose_branch(repository: Repository, way: Connection, branch: str | None, timeout_seconds: float) -> str:
    found = _list_branches(repository, way, min(timeout_seconds, LISTING_TIMEOUT_SECONDS))
    chosen = branch or found.head
    if chosen not in found.commits:
        raise BranchNotFound(f"The repository has no branch named {chosen}.")
    return chosen


def _made_default(repository: Repository, branch: str) -> FetchResult:
    repository.run(["symbolic-ref", REMOTE_REFS + "HEAD", REMOTE_REFS + branch])
    head = repository.resolve(REMOTE_REFS + branch)
    if head is None:
        raise BranchNotFound(f"The branch {branch} went away while it was fetched. Try again.")
    return FetchResult(branch, head)


def list_branches(repository: Repository, remote: RemoteUrl, *, addresses: Sequence[str]) -> RemoteBranches:
    """Ask the remote for its branches, fetching nothing. Errors as of `fetch`."""
    ways = connections(repository, remote, addresses)
    return reach(ways, lambda way: _list_branches(repository, way, LISTING_TIMEOUT_SECONDS))


def _list_branches(repository: Repository, way: Connection, timeout_seconds: float) -> RemoteBranches:
    local = ["--upload-pack", UPLOAD_PACK] if way.is_local else []
    answer = _ask(
        repository, way, ["ls-remote", "--symref", *local, "--", way.url, "HEAD", "refs/heads/*"], timeout_seconds
    )
    commits: dict[str, str] = {}
    head_ref, head_commit = "", ""
    for line in answer.decode("utf-8", "surrogateescape").splitlines():
        value, _, name = line.partition("\t")
        if name == "HEAD" and value.startswith("ref: refs/heads/"):
            head_ref = value.removeprefix("ref: refs/heads/")
        elif name == "HEAD":
            head_commit = value
        elif name.startswith("refs/heads/"):
            commits[name.removeprefix("refs/heads/")] = value
    if not commits:
        raise EmptyRepository("The repository is empty: push a first commit to it, then try again.")
    return RemoteBranches(commits, _choose_head(commits, head_ref, head_commit))


def _choose_head(commits: dict[str, str], head_ref: str, head_commit: str) -> str:
    """The remote's own choice; a detached or dangling HEAD leaves it to the usual names."""
    usual = [name for name in (head_ref, "main", "master") if name in commits]
    same_commit = [name for name in (*usual, *commits) if commits[name] == head_commit]
    return next(iter([head_ref] * (head_ref in commits) + same_commit + usual), min(commits))


def _fetch(
    repository: Repository,
    way: Connection,
    options: Sequence[str],
    refspecs: Sequence[str],
    on_progress: Callable[[FetchProgress], None],
    timeout_seconds: float,
) -> None:
    options = [*options, "--progress", "--no-tags", "--no-write-fetch-head"]
    options += ["--no-auto-maintenance", "--no-recurse-submodules"]
    if way.is_local:
        options += ["--upload-pack", UPLOAD_PACK]
    if repository.refs(REMOTE_REFS):
        # Otherwise our private refs would be offered to the remote as commits that we have.
        options += [f"--negotiation-tip={REMOTE_REFS}*"]
    _ask(repository, way, ["fetch", *options, "--", way.url, *refspecs], timeout_seconds, _progress_lines(on_progress))


def _ask(
    repository: Repository,
    way: Connection,
    args: Sequence[str],
    timeout_seconds: float,
    on_stderr: Callable[[str], None] | None = None,
) -> bytes:
    try:
        return repository.run(
            args,
            environment=way.environment | repository.writes_published,
            config=way.config,
            timeout_seconds=timeout_seconds,
            on_stderr=on_stderr,
        )
    except GitFailed as failure:
        raise classify(failure) from failure


def _progress_lines(on_progress: Callable[[FetchProgress], None]) -> Callable[[str], None]:
    last: list[FetchProgress] = []

    def read(line: str) -> None:
        match = _PROGRESS.match(line)
        if match is None:
            return
        progress = FetchProgress(match["phase"], min(100, int(match["percent"])))
        if [progress] != last:
            last[:] = [progress]
            on_progress(progress)

    return read
