"""The server's bare repository of a project: refs, and commits read with GitPython; it never holds a work tree."""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from projects.git.environment import quote_object_directory
from projects.git.errors import GitFailed, RefChanged
from projects.git.identity import Identity
from projects.git.process import StartedGit, run_git, stream_git

NO_COMMIT = "0" * 40
REMOTE_REFS = "refs/remotes/origin/"
ABANDONED_AFTER_SECONDS = 24 * 3600
SETS_REFS = ("update-ref", "--stdin")
_CHANGES_REFS = frozenset({"update-ref", "prune", "repack"})
_OBJECT_ID = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class CommitInfo:
    """One commit. `message` is the whole of it, `subject` its first line; bytes that are no text are replaced."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Identity
    authored_at: datetime
    committer: Identity
    committed_at: datetime
    subject: str
    message: str


@dataclass(frozen=True)
class Repository:
    """A bare repository that only the server writes.

    Two folders hold its objects. `objects` has what a remote has sent or was about to be sent, and nothing else: the
    sandbox lends it to every agent of the project. All else (trees under review, commits, snapshots) is in
    `private_objects` (0700): it may hold what an agent of another run must not read. `guard` is called before refs
    change, and raises where the caller may not change them now.
    """

    path: Path
    guard: Callable[[], None] = field(default=lambda: None, compare=False, repr=False)

    @property
    def objects(self) -> Path:
        """The published history: agents may read it, the sandbox shows this folder, read-only."""
        return self.path / "objects"

    @property
    def private_objects(self) -> Path:
        """What runs have made and nobody has pushed; never shown to an agent."""
        return self.path / "private" / "objects"

    @property
    def writes_private(self) -> dict[str, str]:
        """Variables with which git reads all objects and writes to the private ones."""
        return _object_folders(self.private_objects, self.objects)

    @property
    def writes_published(self) -> dict[str, str]:
        """The same, but written is what agents may read: for what a remote sends, and nothing else."""
        return _object_folders(self.objects, self.private_objects)

    @property
    def known_hosts(self) -> Path:
        """SSH host keys, pinned on first use."""
        return self.path / "private" / "known_hosts"

    def run(
        self,
        args: Sequence[str],
        *,
        environment: dict[str, str] | None = None,
        config: Sequence[tuple[str, str]] = (),
        standard_input: bytes | None = None,
        timeout_seconds: float = 60,
        on_stderr: Callable[[str], None] | None = None,
        enough_bytes: int | None = None,
        file_bytes: int | None = None,
    ) -> bytes:
        """Run git on this repository; what it writes is private. Errors as of `run_git`, and those of the guard."""
        if args[0] in _CHANGES_REFS:
            self.guard()
        return run_git(
            args,
            git_dir=self.path,
            environment=self.writes_private | (environment or {}),
            config=config,
            standard_input=standard_input,
            timeout_seconds=timeout_seconds,
            on_stderr=on_stderr,
            enough_bytes=enough_bytes,
            file_bytes=file_bytes,
        )

    def start_brief(self, args: Sequence[str]) -> StartedGit:
        """As `run`, but what little it is to do comes later by its standard input. The caller ends it.

        One that changes refs is given its input by a method of this class: the guard is asked then.
        """
        return StartedGit(args, git_dir=self.path, environment=self.writes_private, is_brief=True)

    def stream(
        self,
        args: Sequence[str],
        *,
        environment: dict[str, str] | None = None,
        standard_input: bytes | None = None,
    ) -> Generator[bytes, None, None]:
        """As `run`, but piece by piece: see `stream_git`."""
        variables = self.writes_private | (environment or {})
        return stream_git(args, git_dir=self.path, environment=variables, standard_input=standard_input)

    def resolve(self, ref: str) -> str | None:
        """The id of the commit that a ref or id names, or None."""
        if ref.startswith("-") or not ref or "\0" in ref:
            return None
        try:
            return (
                self.run(["rev-parse", "--verify", "--quiet", "--end-of-options", ref + "^{commit}"]).decode().strip()
            )
        except GitFailed as error:
            if error.exit_status in (1, 128):
                return None
            raise

    @property
    def is_shallow(self) -> bool:
        """Was its history cut off, and only one branch fetched?"""
        return (self.path / "shallow").exists()

    @property
    def default_remote_branch(self) -> str | None:
        """The branch that the remote's HEAD named at the last fetch, without `refs/…`."""
        try:
            ref = self.run(["symbolic-ref", "--quiet", REMOTE_REFS + "HEAD"]).decode().strip()
        except GitFailed:
            return None
        return ref.removeprefix(REMOTE_REFS)

    def refs(self, prefix: str) -> dict[str, str]:
        """Full ref names under `prefix` (`refs/…/`) with the ids that they hold."""
        said = self.run(["for-each-ref", "--format=%(objectname) %(refname)", prefix])
        lines = said.decode("utf-8", "surrogateescape").split(
            "\n"
        )  # a name may hold what Unicode takes for a line's end
        return {name: object_id for object_id, name in (line.split(" ", 1) for line in lines if line)}

    def update_ref(self, ref: str, new: str, old: str | None) -> None:
        """Set `ref` from `old` (None: it must not exist yet) to `new`, else RefChanged. Hold the repository lock."""
        _check_ids(new, old)
        self._change_ref(["update-ref", "--no-deref", ref, new, old or NO_COMMIT], ref)

    def set_ref_by(self, started: StartedGit, ref: str, new: str) -> None:
        """Set `ref` to `new` whatever it was, by a started SETS_REFS. Hold the repository lock."""
        _check_ids(new)
        self.guard()
        started.finish(f"option no-deref\nupdate {ref} {new}\n".encode())

    def delete_ref(self, ref: str, old: str | None = None) -> None:
        """Delete `ref`, with `old` only while it has that value. Deleting a missing ref without `old` is fine."""
        _check_ids(old)
        self._change_ref(["update-ref", "--no-deref", "-d", ref, *([old] if old else [])], ref)

    def read_commit(self, sha: str) -> CommitInfo:
        """Read one commit by its full id. Raises GitFailed `no-such-commit`."""
        _check_ids(sha)
        from projects.git.objects import read_commit  # here: GitPython costs a tenth of a second

        return read_commit(self, sha)

    def publish(self, commit: str) -> None:
        """Let agents read a commit that is about to be pushed, and what it brings along. Safe to redo after a kill.

        Before the push, not after it: git fetches nothing that it has in either folder, so what comes back from the
        remote must be in the published one by then.
        """
        _check_ids(commit)
        known = sorted(set(self.refs(REMOTE_REFS).values()))
        wanted = "\n".join([commit, "--not", *known, ""]).encode()
        (self.objects / "pack").mkdir(exist_ok=True)
        options = ["--revs", "--local", "--non-empty", "--quiet"]  # local: what is in the private folder alone
        self.run(
            ["pack-objects", *options, os.fspath(self.objects / "pack" / "pack")],
            standard_input=wanted,
            timeout_seconds=600,
        )

    def remove_leftovers(self) -> None:
        """Remove what a killed or failed git left: stale lock files, abandoned packs.

        Only under the repository lock, and while nothing is fetched.
        """
        for name in ("HEAD.lock", "config.lock", "packed-refs.lock", "packed-refs.new", "shallow.lock"):
            (self.path / name).unlink(missing_ok=True)
        for lock in (self.path / "refs").rglob("*.lock"):
            lock.unlink(missing_ok=True)
        for pack in (self.objects / "pack").glob("tmp_*"):
            pack.unlink(missing_ok=True)  # only a fetch writes there
        for pack in (self.private_objects / "pack").glob("tmp_*"):
            with contextlib.suppress(FileNotFoundError):
                # A young one may be a large file that a work tree is just being recorded with.
                if time.time() - pack.stat().st_mtime > ABANDONED_AFTER_SECONDS:
                    pack.unlink()

    def _change_ref(self, args: Sequence[str], ref: str) -> None:
        try:
            self.run(args)
        except GitFailed as error:
            if "cannot lock ref" in error.standard_error and ".lock'" not in error.standard_error:
                raise RefChanged(f"{ref} was changed by somebody else in the meantime.") from error
            raise


def create_repository(path: Path) -> Repository:
    """Make an empty bare repository at `path`, or take the one that is there. Safe to redo after a kill."""
    repository = Repository(path)
    if path.is_dir():
        return repository
    making = path.with_name(path.name + ".making")
    shutil.rmtree(making, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    run_git(["init", "--quiet", "--bare", "--template=", "--initial-branch=main", os.fspath(making)])
    for key, value in (("remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"), ("gc.auto", "0")):
        run_git(["config", key, value], git_dir=making)
    (making / "private").mkdir(mode=0o700)
    (making / "private" / "objects").mkdir(mode=0o700)
    (making / "private" / "objects.lock").touch(mode=0o600)  # see store_lock.py
    making.rename(path)
    return repository


def alone(objects: Path) -> dict[str, str]:
    """Variables with which git sees the objects of this one folder only."""
    return {"GIT_OBJECT_DIRECTORY": os.fspath(objects), "GIT_ALTERNATE_OBJECT_DIRECTORIES": ""}


def is_object_id(text: str) -> bool:
    """Is this a full SHA-1 object id?"""
    return _OBJECT_ID.fullmatch(text) is not None


def _object_folders(written: Path, read: Path) -> dict[str, str]:
    return {
        "GIT_OBJECT_DIRECTORY": os.fspath(written),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": quote_object_directory(read),
    }


def _check_ids(*ids: str | None) -> None:
    if not all(one is None or is_object_id(one) for one in ids):
        raise ValueError("a full object id is needed")
