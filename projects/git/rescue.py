"""Rescue refs: what a work tree holds that no remote has, kept before it is removed."""

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
    repository = work_tree.repository
    tree = write_exact_tree(work_tree)
    head = repository.resolve(f"refs/heads/{branch}")
    last = head or work_tree.base_commit
    if repository.read_commit(last).tree == tree:
        return None if head in (None, pushed) else _keep(repository, name, last)
    own = f"{RESCUE_REFS}{name}-"  # not a pattern for git, which takes whole parts of names only
    for ref, commit in repository.refs(RESCUE_REFS).items():
        kept = repository.read_commit(commit)
        if ref.startswith(own) and (kept.tree, kept.parents) == (tree, (last,)):
            return ref
    return _keep(repository, name, _commit(work_tree, tree, last, message))


def _keep(repository: Repository, name: str, commit: str) -> str:
    ref = f"{RESCUE_REFS}{name}-{commit[:12]}"
    if repository.resolve(ref) != commit:
        repository.update_ref(ref, commit, None)
    return ref


def _commit(work_tree: WorkTree, tree: str, parent: str, message: str) -> str:
    now = datetime.now(UTC)
    variables = SNAPSHOT_IDENTITY.as_variables("AUTHOR", now) | SNAPSHOT_IDENTITY.as_variables("COMMITTER", now)
    arguments = ["commit-tree", tree, "-p", parent, "-F", "-"]
    made = work_tree.exact.run(arguments, environment=variables, standard_input=message.encode())
    return made.decode().strip()
