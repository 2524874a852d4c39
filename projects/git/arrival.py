"""What a fetch brought becomes the remote's branches here. It never talks to a remote; hold the repository lock."""

from dataclasses import dataclass

from projects.git.errors import BranchNotFound, GitFailed, RemoteDiverged
from projects.git.refs import delete_refs, set_refs
from projects.git.repository import REMOTE_REFS, Repository

INCOMING_REFS = "refs/quarterdeck/incoming/"
"""Where a fetch writes. What a killed one has left is a start for the next."""
ANCESTRY_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True)
class FetchResult:
    """The branch that counts as the default one (the given, else the remote's HEAD), and the commit it is at."""

    default_branch: str
    head_commit: str


def take_over(repository: Repository, chosen: str, *, is_whole: bool, only_forwards: bool) -> FetchResult:
    """Move `refs/remotes/origin/` to what was fetched, and name the chosen branch there as HEAD.

    Where all branches were fetched (`is_whole`), those that are gone at the remote go here too. Raises RemoteDiverged
    and moves nothing when the chosen branch may move forwards only and cannot. May be killed and run again.
    """
    fetched, known = _branches(repository, INCOMING_REFS), _branches(repository, REMOTE_REFS)
    if chosen not in fetched:
        raise BranchNotFound(f"The branch {chosen} went away while it was fetched. Try again.")
    head = fetched[chosen]
    if only_forwards and chosen in known and not _is_ancestor(repository, known[chosen], head):
        _forget_incoming(repository)
        raise _diverged()
    arrived = fetched if is_whole else {chosen: head}
    # In two steps: git does not take `a` away and make `a/b` at once.
    delete_refs(repository, (REMOTE_REFS + name for name in known if is_whole and name not in arrived))
    set_refs(repository, {REMOTE_REFS + name: commit for name, commit in arrived.items() if known.get(name) != commit})
    repository.run(["symbolic-ref", REMOTE_REFS + "HEAD", REMOTE_REFS + chosen])
    _forget_incoming(repository)
    return FetchResult(chosen, head)


def _branches(repository: Repository, prefix: str) -> dict[str, str]:
    """Branch name → commit; `HEAD` is a name that we give."""
    names = {ref.removeprefix(prefix): commit for ref, commit in repository.refs(prefix).items()}
    return {name: commit for name, commit in names.items() if name != "HEAD"}


def _is_ancestor(repository: Repository, older: str, newer: str) -> bool:
    try:
        repository.run(["merge-base", "--is-ancestor", older, newer], timeout_seconds=ANCESTRY_TIMEOUT_SECONDS)
    except GitFailed as error:
        if error.exit_status == 1:
            return False
        raise
    return True


def _forget_incoming(repository: Repository) -> None:
    delete_refs(repository, repository.refs(INCOMING_REFS))


def _diverged() -> RemoteDiverged:
    return RemoteDiverged(
        "The branch was rewritten at its host: it no longer contains the commit that the project is at. Nothing was "
        "changed. To take the new history over, archive the project and clone it again: run branches and snapshots "
        "stay."
    )
