"""Work trees: files of a commit in a folder for an agent, without a git dir of ours in it; no filter ever runs."""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from projects.git.environment import search_path
from projects.git.errors import GitError, GitFailed, WorkTreeRefused
from projects.git.extent import USUAL_LIMITS, CheckoutLimits, check_extent
from projects.git.private_dir import (
    EXACT_ATTRIBUTES,
    REVIEW_ATTRIBUTES,
    SPLIT_INDEX,
    PrivateDir,
    pin_submodules,
    write_git_dir,
)
from projects.git.repository import Repository, is_object_id
from projects.git.store_lock import writing


@dataclass(frozen=True)
class Owner:
    """The user that the files belong to: the one that agents run as, when the server runs as root."""

    uid: int
    gid: int


@dataclass(frozen=True)
class WorkTree:
    """A folder with the files of `base_commit` and what was done to them since.

    `index_dir` is the server's, outside of `path`, not shown to agents: private git dirs, indexes, a lock. Build one
    with the same four values to come back to a work tree that was made earlier.
    """

    repository: Repository
    path: Path
    index_dir: Path
    owner: Owner | None = None

    @property
    def base_commit(self) -> str:
        """The commit that it was made from. Raises GitFailed `no-work-tree` when it was not, or not wholly, made."""
        try:
            return self._base.read_text().strip()
        except FileNotFoundError:
            raise GitFailed("The work tree is not there; it must be made again.", code="no-work-tree") from None

    @property
    def is_ready(self) -> bool:
        """Was it made to the end?"""
        return self._base.exists() and self.path.is_dir()

    @property
    def review(self) -> PrivateDir:
        """For the run's tree: text attributes count."""
        return PrivateDir(self.index_dir / "review", self.repository, self.path)

    @property
    def exact(self) -> PrivateDir:
        """For snapshots: every byte counts."""
        return PrivateDir(self.index_dir / "exact", self.repository, self.path, config=SPLIT_INDEX)

    @property
    def pristine_index(self) -> Path:
        """The review index as it was when the work tree was made."""
        return self.index_dir / "pristine-index"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the private git dirs for one process; takes away index locks that a killed git left.

        No objects are removed meanwhile.
        """
        with (self.index_dir / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with writing(self.repository.path):
                for private in (self.review, self.exact):
                    for stale in (*private.git_dir.glob("*.lock"), *private.git_dir.glob("sharedindex_*")):
                        stale.unlink(missing_ok=True)
                yield

    @property
    def _base(self) -> Path:
        return self.index_dir / "base-commit"


def create_work_tree(
    repository: Repository,
    path: Path,
    *,
    index_dir: Path,
    base_commit: str,
    owner: Owner | None = None,
    limits: CheckoutLimits = USUAL_LIMITS,
) -> WorkTree:
    """Put the files of `base_commit` into `path`. Safe to redo after a kill: a half-made one is removed first.

    A finished one of the same commit is taken as it is, with all changes in it; of another commit, GitFailed
    `work-tree-exists`. Submodules become empty folders. Nothing is run that the repository names. Raises
    WorkTreeRefused, with nothing left behind, for a commit beyond the limits.
    """
    if not is_object_id(base_commit):
        raise ValueError("a full commit id is needed")
    work_tree = WorkTree(repository, path, index_dir, owner)
    if work_tree.is_ready:
        if work_tree.base_commit != base_commit:
            raise GitFailed("There is already a work tree of another commit.", code="work-tree-exists")
        return work_tree
    remove_work_tree(work_tree)
    check_extent(repository, base_commit, limits)
    index_dir.mkdir(parents=True, mode=0o700)
    path.mkdir(parents=True, mode=0o755)
    write_git_dir(work_tree.review.git_dir, REVIEW_ATTRIBUTES)
    write_git_dir(work_tree.exact.git_dir, EXACT_ATTRIBUTES)
    _fill(work_tree, base_commit)
    if owner is not None:
        path.chmod(0o700)
    unfinished = index_dir / "base-commit.new"
    unfinished.write_text(base_commit)
    unfinished.rename(index_dir / "base-commit")
    return work_tree


def is_untouched(work_tree: WorkTree) -> bool:
    """Whether every file is as the base commit laid it out, and no other is there, ignored ones included.

    All files are read; nothing is recorded.
    """
    base = work_tree.base_commit
    with work_tree.locked():
        look = replace(work_tree.review, index_name="index.look")
        look.index.unlink(missing_ok=True)
        _compare_all(look, base)
        return not (_changed_names(look) or look.run(["ls-files", "-z", "--others"]))


def remove_work_tree(work_tree: WorkTree) -> None:
    """Remove the folder and the private git dirs. Safe to redo; whatever is in the folder, nothing else is touched."""
    (work_tree.index_dir / "base-commit").unlink(missing_ok=True)
    remove_folder(work_tree.path)
    remove_folder(work_tree.index_dir)


def remove_folder(path: Path) -> None:
    """Remove a folder that an agent had. Raises GitFailed `not-removed`.

    rm and chmod follow no symbolic link and manage folders nested deeper than PATH_MAX and Python's stack.
    """
    with suppress(OSError):  # the usual case costs no process
        path.rmdir()
    if not os.path.lexists(path):
        return
    target = os.fspath(path.absolute())
    for command in (["rm", "-rf"], ["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
        subprocess.run(
            [*command, "--", target], env={"PATH": search_path(), "LC_ALL": "C"}, capture_output=True, check=False
        )
        if not os.path.lexists(path):
            return
    raise GitFailed(f"The folder {path.name} could not be removed wholly.", code="not-removed")


def change_owner(path: Path, owner: Owner | None) -> None:
    """Give a folder and everything in it to `owner`; symbolic links themselves, never what they name."""
    if owner is None:
        return
    os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
    for _, folders, files, descriptor in os.fwalk(path):
        for name in (*folders, *files):
            os.chown(name, owner.uid, owner.gid, dir_fd=descriptor, follow_symlinks=False)


def _fill(work_tree: WorkTree, commit: str) -> None:
    review = work_tree.review
    try:
        review.run(["read-tree", commit])
        review.run(["checkout-index", "--all", "--force", "--quiet"])
    except GitFailed as error:
        raise _explain(error) from error
    change_owner(work_tree.path, work_tree.owner)
    _compare_all(review, commit)
    unnormalised = _changed_names(review)
    if unnormalised:
        _keep_as_they_are(work_tree, unnormalised, commit)
    pin_submodules(review)
    shutil.copyfile(review.index, work_tree.pristine_index)


def _explain(error: GitFailed) -> GitError:
    """The clear reason, where the commit is to blame."""
    said = error.standard_error.lower()
    if "invalid path" in said or "malformed" in said or "empty filename" in said:
        return WorkTreeRefused("The commit holds a file name that Git refuses to check out.", code="unsafe-path")
    if "file name too long" in said:
        return WorkTreeRefused("The commit holds a name or a link that is too long for a disk.", code="path-too-long")
    return error


def _compare_all(review: PrivateDir, commit: str) -> None:
    """Fill the index afresh and compare every file by content, so that "unchanged" never rests on luck with clocks."""
    review.run(["read-tree", commit])
    try:
        review.run(["update-index", "-q", "--refresh"])
    except GitFailed as error:
        if error.exit_status != 1:  # 1: some differ, which the caller asks for next
            raise


def _changed_names(review: PrivateDir) -> list[bytes]:
    names = review.run(["diff-files", "-z", "--name-only", "--ignore-submodules=all"])
    return [name for name in names.split(b"\0") if name]


def _keep_as_they_are(work_tree: WorkTree, names: list[bytes], commit: str) -> None:
    """Files stored with line ends that contradict their attributes would show as changed, untouched: exempt them."""
    review = work_tree.review
    with review.attributes.open("ab") as attributes:
        attributes.writelines(b'"/%s" -text\n' % _pattern(name) for name in names)
    review.run(["checkout-index", "--force", "--quiet", "-z", "--stdin"], standard_input=b"\0".join([*names, b""]))
    if work_tree.owner is not None:
        for name in names:
            os.chown(
                work_tree.path / os.fsdecode(name), work_tree.owner.uid, work_tree.owner.gid, follow_symlinks=False
            )
    _compare_all(review, commit)


def _pattern(name: bytes) -> bytes:
    """A name as a quoted pattern of gitattributes(5) that matches nothing else."""
    literal = re.sub(rb"([*?\[\\])", rb"\\\1", name)
    return re.sub(rb'["\\\x00-\x1f\x7f-\xff]', lambda match: b"\\%03o" % match[0][0], literal)
