"""Rescue refs: what a work tree holds that no remote has, kept before it is removed."""

from dataclasses import dataclass
from datetime import UTC, datetime

from projects.git.commits import SNAPSHOT_IDENTITY
from projects.git.repository import Repository
from projects.git.trees import write_exact_tree
from projects.git.work_tree import WorkTree

RESCUE_REFS = "refs/quarterdeck/rescue/"


def rescue(work_tree: WorkTree, *, name: str, branch: str, pushed: str | None, message: str) -> str | None:
    """The ref that now keeps the work tree with its branch; None where the base commit or the pushed one is all of it.

    Untracked files are kept, ignored ones are not. `name` begins the ref's; `pushed` is the commit that the remote is
    known to have. The caller holds the repository lock. Done again after a kill, it finds its own ref. Errors as of
    `write_exact_tree`: then nothing may be removed.
    """
    tree = write_exact_tree(work_tree)
    base = work_tree.base_commit
    return keep_tree(work_tree.repository, tree, name=name, branch=branch, base=base, pushed=pushed, message=message)


def keep_tree(
    repository: Repository, tree: str, *, name: str, branch: str, base: str, pushed: str | None, message: str
) -> str | None:
    """The same for a tree that is recorded already, byte for byte, on top of the branch or of the base commit."""
    head = repository.resolve(f"refs/heads/{branch}")
    last = head or base
    if repository.read_commit(last).tree == tree:
        return None if head in (None, pushed) else _keep(repository, name, last)
    own = f"{RESCUE_REFS}{name}-"  # not a pattern for git, which takes whole parts of names only
    for ref, commit in repository.refs(RESCUE_REFS).items():
        kept = repository.read_commit(commit)
        if ref.startswith(own) and (kept.tree, kept.parents) == (tree, (last,)):
            return ref
    return _keep(repository, name, _commit(repository, tree, last, message))


def count_ignored(work_tree: WorkTree) -> int:
    """How many files of the work tree a rescue leaves out, because the repository ignores them."""
    listed = work_tree.exact.run(["ls-files", "-z", "--others", "--ignored", "--exclude-standard"])
    return listed.count(b"\0")


def _keep(repository: Repository, name: str, commit: str) -> str:
    ref = f"{RESCUE_REFS}{name}-{commit[:12]}"
    if repository.resolve(ref) != commit:
        repository.update_ref(ref, commit, None)
    return ref


def _commit(repository: Repository, tree: str, parent: str, message: str) -> str:
    now = datetime.now(UTC)
    variables = SNAPSHOT_IDENTITY.as_variables("AUTHOR", now) | SNAPSHOT_IDENTITY.as_variables("COMMITTER", now)
    arguments = ["commit-tree", tree, "-p", parent, "-F", "-"]
    made = repository.run(arguments, environment=variables, standard_input=message.encode())
    return made.decode().strip()


@dataclass(frozen=True)
class RescueRef:
    """One that is there: its name, the commit, when it was made, and why."""

    ref: str
    commit: str
    made_at: datetime
    subject: str


def rescue_refs(repository: Repository, name: str = "") -> list[RescueRef]:
    """All of them, or those whose names begin with `name` and a dash; oldest first."""
    layout = "--format=%(objectname)%00%(committerdate:unix)%00%(refname)%00%(subject)"
    said = repository.run(["for-each-ref", "--sort=committerdate", layout, RESCUE_REFS]).decode("utf-8", "replace")
    rows = (line.split("\0") for line in said.split("\n") if line)
    found = (RescueRef(ref, commit, datetime.fromtimestamp(int(at), UTC), why) for commit, at, ref, why in rows)
    return [each for each in found if not name or each.ref.startswith(f"{RESCUE_REFS}{name}-")]
