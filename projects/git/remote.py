"""Fetching from a remote: the network part writes private refs only; then `refs/remotes/origin/` moves.

Pruning happens only there, never in what is ours.
"""

import contextlib
import re
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from projects.git.arrival import INCOMING_REFS, FetchResult, take_over
from projects.git.connection import UPLOAD_PACK, Connection, connections, reach
from projects.git.credentials import Credential, offered
from projects.git.errors import BranchNotFound, EmptyRepository, GitFailed, RemoteRefused
from projects.git.failures import classify
from projects.git.repository import REMOTE_REFS, Repository
from projects.git.store_lock import writing
from projects.git.urls import RemoteUrl

LISTING_TIMEOUT_SECONDS = 60.0
MAXIMUM_BRANCH_LENGTH = 255
MAXIMUM_BRANCHES = 20_000
"""Each becomes a file here: a million of them would be a bomb."""
LISTING_BYTES = 32 << 20
_NO_REF_NAME = re.compile(r"\.\.|@\{|//|[\x00-\x20\x7f~^:?*\[\\]|(?:^|/)\.|\.lock(?:/|$)|^[-/]|[/.]$|^@$")
"""What no name of a branch may hold (git-check-ref-format(1))."""
# A remote can print lines of its own: only git's own phases count.
_PROGRESS = re.compile(
    r"(?:remote: )?(?P<phase>(?:Counting|Compressing|Receiving|Unpacking|Indexing) objects|Resolving deltas"
    r"|Checking connectivity):\s+(?P<percent>\d{1,3})%"
)


@dataclass(frozen=True)
class FetchProgress:
    """How far git is: its own name of the phase ("Receiving objects") and 0 to 100 percent of that phase."""

    phase: str
    percent: int


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
    only_forwards: bool = False,
    locked: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    on_progress: Callable[[FetchProgress], None] = lambda progress: None,
    timeout_seconds: float = 3600,
    max_bytes: int | None = None,
) -> FetchResult:
    """Bring the remote's branches up to date. May be run again at any time, also after a kill; one at a time.

    `locked` gives the repository lock: it is held while refs move, never while the remote is talked to. With `depth`
    only the chosen branch is fetched, cut off after that many commits; a history that is there already is not cut.
    Without it, one that was cut off is completed. With `only_forwards` the chosen branch never moves aside
    (RemoteDiverged), and a cut-off history brings that branch alone, with its commits since; other branches follow the
    remote, rewritten or not. FetchTooLarge where it is more than `max_bytes`; other errors are those of `errors.py`. A
    refused or failed fetch leaves the branches as they were.
    """
    with locked():
        repository.remove_leftovers()
    deadline = time.monotonic() + timeout_seconds
    is_whole, options = _extent(repository, depth, only_forwards=only_forwards)

    def attempt(way: Connection) -> str:
        patience = min(_left(deadline), LISTING_TIMEOUT_SECONDS)
        chosen = _choose_branch(repository, way, branch, patience, is_whole=is_whole)
        name = "*" if is_whole else chosen
        refspec = f"+refs/heads/{name}:{INCOMING_REFS}{name}"
        _fetch(repository, way, options, [refspec], on_progress, _left(deadline), max_bytes)
        return chosen

    with offered(credential) as login, writing(repository.path):
        chosen = reach(connections(repository, remote, addresses, login), attempt)
    with locked():
        return take_over(repository, chosen, is_whole=is_whole, only_forwards=only_forwards)


def _extent(repository: Repository, depth: int | None, *, only_forwards: bool) -> tuple[bool, list[str]]:
    """Whether all branches are fetched, and git's options for how much of their history."""
    is_cut = repository.is_shallow
    if depth is not None and (is_cut or not repository.refs(REMOTE_REFS)):
        return False, [f"--depth={depth}"]
    if is_cut and only_forwards:
        return False, []
    return True, ["--prune", *(["--unshallow"] if is_cut else [])]


def _left(deadline: float) -> float:
    return max(0.001, deadline - time.monotonic())


def _choose_branch(
    repository: Repository, way: Connection, branch: str | None, timeout_seconds: float, *, is_whole: bool
) -> str:
    found = _list_branches(repository, way, timeout_seconds)
    if is_whole and len(found.commits) > MAXIMUM_BRANCHES:
        raise _too_many_branches()
    chosen = branch or found.head
    if chosen not in found.commits:
        raise BranchNotFound(f"The repository has no branch named {chosen}.")
    return chosen


def list_branches(repository: Repository, remote: RemoteUrl, *, addresses: Sequence[str]) -> RemoteBranches:
    """Ask the remote for its branches, fetching nothing. Errors as of `fetch`."""
    ways = connections(repository, remote, addresses)
    return reach(ways, lambda way: _list_branches(repository, way, LISTING_TIMEOUT_SECONDS))


def _list_branches(repository: Repository, way: Connection, timeout_seconds: float) -> RemoteBranches:
    local = ["--upload-pack", UPLOAD_PACK] if way.is_local else []
    answer = _ask(
        repository,
        way,
        ["ls-remote", "--symref", *local, "--", way.url, "HEAD", "refs/heads/*"],
        timeout_seconds,
        enough_bytes=LISTING_BYTES,
    )
    if len(answer) >= LISTING_BYTES:
        raise _too_many_branches()
    commits: dict[str, str] = {}
    head_ref, head_commit = "", ""
    for line in answer.decode("utf-8", "surrogateescape").split("\n"):
        value, _, name = line.partition("\t")
        if name == "HEAD" and value.startswith("ref: refs/heads/"):
            head_ref = value.removeprefix("ref: refs/heads/")
        elif name == "HEAD":
            head_commit = value
        elif name.startswith("refs/heads/"):
            commits[name.removeprefix("refs/heads/")] = value
    if not commits:
        raise EmptyRepository("The repository is empty: push a first commit to it, then try again.")
    # A name that cannot be shown or kept is fetched with the others, but is nobody's default branch.
    usable = {name: commit for name, commit in commits.items() if _is_usable(name)}
    if not usable:
        raise BranchNotFound(
            "The repository has no branch with a usable name: rename its default branch, then try again."
        )
    return RemoteBranches(commits, _choose_head(usable, head_ref, head_commit))


def _is_usable(branch: str) -> bool:
    is_name = _NO_REF_NAME.search(branch) is None and branch != "HEAD"
    return is_name and branch.isprintable() and len(branch) <= MAXIMUM_BRANCH_LENGTH


def _too_many_branches() -> RemoteRefused:
    return RemoteRefused(
        f"The repository has more than {MAXIMUM_BRANCHES} branches. The operator can set git.clone_depth: then only "
        "the project's own branch is fetched.",
        code="too-many-branches",
    )


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
    max_bytes: int | None,
) -> None:
    options = [*options, "--progress", "--no-tags", "--no-write-fetch-head"]
    options += ["--no-auto-maintenance", "--no-recurse-submodules"]
    if way.is_local:
        options += ["--upload-pack", UPLOAD_PACK]
    # Without tips our private refs would be offered to the remote as commits that we have.
    tips = [prefix for prefix in (REMOTE_REFS, INCOMING_REFS) if repository.refs(prefix)]
    options += [f"--negotiation-tip={prefix}*" for prefix in tips]
    args = ["fetch", *options, "--", way.url, *refspecs]
    _ask(repository, way, args, timeout_seconds, _progress_lines(on_progress), file_bytes=max_bytes)


def _ask(
    repository: Repository,
    way: Connection,
    args: Sequence[str],
    timeout_seconds: float,
    on_stderr: Callable[[str], None] | None = None,
    *,
    enough_bytes: int | None = None,
    file_bytes: int | None = None,
) -> bytes:
    try:
        return repository.run(
            args,
            environment=way.environment | repository.writes_published,
            config=way.config,
            timeout_seconds=timeout_seconds,
            on_stderr=on_stderr,
            enough_bytes=enough_bytes,
            file_bytes=file_bytes,
        )
    except GitFailed as failure:
        raise classify(failure, has_login=way.has_login) from failure


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
