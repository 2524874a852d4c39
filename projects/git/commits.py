"""Commits made of trees: the run's, and private snapshots; it moves no branch."""

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from projects.git.credentials import Credential, offered
from projects.git.environment import search_path
from projects.git.errors import GitFailed, SigningFailed
from projects.git.identity import Identity
from projects.git.loose_object import write_loose_object
from projects.git.packing import pack_snapshots
from projects.git.repository import SETS_REFS, Repository
from projects.git.ssh_keys import SshKey
from projects.git.trees import EVERYTHING, LeftOut, Selection, record_exactly
from projects.git.work_tree import WorkTree

SNAPSHOT_REFS = "refs/quarterdeck/snapshots/"
SNAPSHOT_IDENTITY = Identity("Quarterdeck", "quarterdeck@localhost")
_COMPARES = ("diff-tree", "--stdin", "--no-commit-id", "-r", "-z", "--name-only", "--no-renames")


@dataclass(frozen=True)
class Snapshot:
    """A saved work tree: its commit, exact tree, and how many files differ from the parent (or the base commit)."""

    commit: str
    tree: str
    files_changed: int
    left_out: tuple[LeftOut, ...]


def commit_tree(
    repository: Repository,
    *,
    tree: str,
    parents: Sequence[str],
    author: Identity,
    committer: Identity,
    message: str,
    at: datetime,
    signing_key: SshKey | None = None,
) -> str:
    """Write a commit object and return its id. `at` knows its time zone. No hook runs.

    With a key it is signed as git does with `gpg.format=ssh` (git-config(1)); SigningFailed where that cannot be.
    """
    variables = author.as_variables("AUTHOR", at) | committer.as_variables("COMMITTER", at)
    with _signing(signing_key) as (options, config):
        try:
            written = repository.run(
                [*_arguments(tree, parents), *options],
                environment=variables,
                config=config,
                standard_input=_encoded(message),
            )
        except GitFailed as failure:
            if signing_key is None:
                raise
            raise SigningFailed(f"The commit could not be signed: {failure.message}") from failure
    return written.decode().strip()


@contextmanager
def _signing(key: SshKey | None) -> Iterator[tuple[Sequence[str], Sequence[tuple[str, str]]]]:
    """Options and settings for the body; the key is in a file that only we can read, for as long as that."""
    with offered(None if key is None else Credential("ssh_key", "", key.text)) as login:
        if login is None:
            yield (), ()
            return
        program = shutil.which("ssh-keygen", path=search_path())
        if program is None:
            raise SigningFailed("Commits cannot be signed: ssh-keygen is not installed on the server.")
        yield ["-S"], (("gpg.format", "ssh"), ("gpg.ssh.program", program), ("user.signingKey", str(login.file)))


def save_snapshot(
    work_tree: WorkTree, *, ref: str, message: str, parent: str | None, selection: Selection = EVERYTHING
) -> Snapshot:
    """Record the work tree byte for byte (ignored files left out) under `ref`, in `refs/quarterdeck/snapshots/`.

    Its objects are readable by the server only. Done again after a kill, the ref names the newer one. The caller holds
    the repository lock. Errors as of `record_exactly`.
    """
    if not ref.startswith(SNAPSHOT_REFS):
        raise ValueError(f"the ref of a snapshot begins with {SNAPSHOT_REFS}")
    repository = work_tree.repository
    with _SnapshotWriter(repository) as writer:
        recorded = record_exactly(work_tree, selection, meanwhile=writer.prepare)
        text = _snapshot_text(recorded.tree, parent, message)
        commit = write_loose_object(repository.private_objects, "commit", text)
        files_changed = writer.keep(ref, commit, parent or work_tree.base_commit)
    pack_snapshots(repository, commit)
    return Snapshot(commit, recorded.tree, files_changed, recorded.left_out)


class _SnapshotWriter(ExitStack):
    """Two gits that are started while others look at the files, and have little to do then."""

    def __init__(self, repository: Repository) -> None:
        super().__init__()
        self._repository = repository

    def prepare(self) -> None:
        self._setting = self._repository.start_brief(SETS_REFS)
        self.callback(self._setting.end)
        self._comparing = self._repository.start_brief(_COMPARES)
        self.callback(self._comparing.end)

    def keep(self, ref: str, commit: str, older: str) -> int:
        """Sets the ref; in how many files the commit differs from the older one."""
        with ThreadPoolExecutor(1, "git") as counter:
            names = counter.submit(self._comparing.finish, f"{commit} {older}\n".encode())
            self._repository.set_ref_by(self._setting, ref, commit)
        return names.result().count(b"\0")


def _snapshot_text(tree: str, parent: str | None, message: str) -> bytes:
    """A commit object, as git-commit-tree(1) would write it."""
    person = f"{SNAPSHOT_IDENTITY.name} <{SNAPSHOT_IDENTITY.email}> {int(time.time())} +0000"
    lines = [f"tree {tree}", *([f"parent {parent}"] if parent else []), f"author {person}", f"committer {person}"]
    return "\n".join([*lines, "", ""]).encode() + _encoded(message)


def _arguments(tree: str, parents: Sequence[str]) -> list[str]:
    return ["commit-tree", tree, *(part for parent in parents for part in ("-p", parent)), "-F", "-"]


def _encoded(message: str) -> bytes:
    return message.replace("\0", "").encode("utf-8", "replace")
