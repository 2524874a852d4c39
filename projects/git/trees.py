"""Recording a work tree as a tree object; it runs nothing that the work tree names and enters no repository in it."""

import os
import secrets
import stat
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from projects.git.errors import GitError, GitFailed, WorkTreeRefused
from projects.git.index_changes import SHOWN_LENGTH, IndexChanges, name_refused
from projects.git.private_dir import PrivateDir, pin_submodules, submodules
from projects.git.work_tree import WorkTree

EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
MAXIMUM_NESTING = 64
FEW_NAMES = 200
UNFINISHED_RESTORE = "restoring"
"""In a work tree's `index_dir` while a restore writes: until its end the files are of two states."""


@dataclass(frozen=True)
class LeftOut:
    """A file too large to be recorded: its name as git has it, and its size."""

    path: bytes
    size_bytes: int


@dataclass(frozen=True)
class Selection:
    """What is recorded of a work tree beside the usual: nothing larger than `max_file_bytes`, but in any case `also`.

    A file of the base commit that has not changed is recorded whatever its size: its content is there already.
    """

    max_file_bytes: int | None = None
    also: Collection[bytes] = ()


EVERYTHING = Selection()


@dataclass(frozen=True)
class Recorded:
    """The id of a tree, and which files are not in it for their size."""

    tree: str
    left_out: tuple[LeftOut, ...]


def write_review_tree(work_tree: WorkTree) -> str:
    """The id of the run's tree: text attributes of the repository, no filters, ignored files left out.

    Repositories inside are recorded as ordinary files, submodules stay as the base commit has them. The caller has
    stopped or frozen the agent: git reads by path, and the server may read more than the agent may. Raises
    WorkTreeRefused where something cannot be recorded.
    """
    return _record(work_tree, work_tree.review, EVERYTHING).tree


def write_exact_tree(work_tree: WorkTree) -> str:
    """The id of the byte-exact tree, kept among the private objects; otherwise as `write_review_tree`."""
    return record_exactly(work_tree, EVERYTHING).tree


def record_exactly(
    work_tree: WorkTree, selection: Selection, *, meanwhile: Callable[[], None] = lambda: None
) -> Recorded:
    """As `write_exact_tree`, of what is selected. `meanwhile` is called while git looks at the files."""
    return _record(work_tree, work_tree.exact, selection, meanwhile)


def _record(
    work_tree: WorkTree, private: PrivateDir, selection: Selection, meanwhile: Callable[[], None] = lambda: None
) -> Recorded:
    base = work_tree.base_commit
    if (work_tree.index_dir / UNFINISHED_RESTORE).exists():
        raise WorkTreeRefused(
            "A restore of this work tree was interrupted. The server finishes it within seconds: try again then.",
            code="restore-unfinished",
        )
    with work_tree.locked():
        try:
            if not private.index.exists():
                _start_index(private, base)
            with IndexChanges(private) as index:
                left_out = _bring_up_to_date(private, index, base, selection, meanwhile)
                return Recorded(index.write_tree(), left_out)
        except GitFailed as error:
            raise _explain(error) from error


def _bring_up_to_date(
    private: PrivateDir, index: IndexChanges, base: str, selection: Selection, meanwhile: Callable[[], None]
) -> tuple[LeftOut, ...]:
    """Makes the index that of the files on disk."""
    changed, others, gone, ignored = _look(private, index, meanwhile)
    if any(name.rpartition(b"/")[2] == b".gitattributes" for name in (*changed, *others, *gone)):
        private.must_convert_again.touch()
    left_out = _too_large(private.work_tree, [*changed, *others], selection)
    unwanted = {each.path for each in left_out}.union(_not_of_the_base(private, ignored, base))
    index.forget(sorted(unwanted))
    wanted = [*(name for name in (*changed, *others) if name not in unwanted), *selection.also]
    if others or selection.also:
        private.has_additions.touch()
    index.add(wanted)
    if private.must_convert_again.exists():
        _add_again(private, index, base)
        private.must_convert_again.unlink()
    if wanted:
        _drop_foreign_submodules(private, index, base, wanted)
    return left_out


_Names = list[bytes]


def _look(
    private: PrivateDir, index: IndexChanges, meanwhile: Callable[[], None]
) -> tuple[_Names, _Names, _Names, _Names]:
    """Tracked files that look changed, untracked ones, those that are gone, and tracked ones that are ignored by now.

    Three readers at once. Git does not list a folder while the index has a file of its name: then once more.
    """
    with ThreadPoolExecutor(3, "git") as readers:
        tracked = readers.submit(_changed_files, private)
        untracked = readers.submit(_list_others, private)
        ignored = readers.submit(_ignored_since, private)
        index.prepare()
        meanwhile()
        (changed, gone), names = tracked.result(), untracked.result()
    index.forget(gone)
    if any(_is_folder(private, name) for name in gone):
        names = _list_others(private)
    return changed, _other_files(private, index, names), gone, ignored.result()


def _too_large(work_tree: Path, names: list[bytes], selection: Selection) -> tuple[LeftOut, ...]:
    limit, also = selection.max_file_bytes, frozenset(selection.also)
    if limit is None:
        return ()
    found = []
    for name in names:
        try:
            size = Path(work_tree, os.fsdecode(name)).lstat().st_size
        except OSError:
            continue
        if size > limit and name not in also:
            found.append(LeftOut(name, size))
    return tuple(found)


def _start_index(private: PrivateDir, base: str) -> None:
    """Made beside and moved in whole, so that a kill leaves no index without its marks."""
    fresh = replace(private, index_name="index.fresh")
    fresh.index.unlink(missing_ok=True)
    fresh.run(["read-tree", base])
    pin_submodules(fresh)
    private.has_additions.unlink(missing_ok=True)
    fresh.index.rename(private.index)


def _other_files(private: PrivateDir, index: IndexChanges, names: list[bytes]) -> list[bytes]:
    """Untracked files. Git lists a repository inside as `folder/` until it has an entry there: so it gets one."""
    placeholder = b"/.quarterdeck-" + secrets.token_hex(8).encode()
    placed: list[bytes] = []
    for _ in range(MAXIMUM_NESTING):
        repositories = [name[:-1] + placeholder for name in names if name.endswith(b"/")]
        if not repositories:
            index.forget(placed)
            return names
        placed += repositories
        index.enter([b"100644 " + EMPTY_BLOB.encode() + b"\t" + name for name in repositories])
        names = _list_others(private)
    index.forget(placed)
    raise WorkTreeRefused(
        f"Git repositories are nested more than {MAXIMUM_NESTING} deep in the work tree. Remove some.",
        code="nested-too-deep",
    )


def _list_others(private: PrivateDir) -> list[bytes]:
    told: list[str] = []
    listed = private.run(["ls-files", "-z", "--others", "--exclude-standard"], on_stderr=told.append)
    warning = next((line for line in told if "could not open directory" in line), None)
    if warning is not None:
        raise WorkTreeRefused(
            f"A folder in the work tree cannot be read ({warning[:SHOWN_LENGTH]}). Make it readable or remove it.",
            code="unreadable",
        )
    return _split(listed)


def _changed_files(private: PrivateDir) -> tuple[list[bytes], list[bytes]]:
    """Tracked files that look changed, and those that are gone; what became a folder, fifo or device is gone."""
    fields = _split(private.run(["diff-files", "-z", "--name-status", "--no-renames", "--ignore-submodules=all"]))
    changed: list[bytes] = []
    gone: list[bytes] = []
    for status, name in zip(fields[::2], fields[1::2], strict=True):
        is_there = status != b"D" and _is_recordable(private.work_tree, name)
        (changed if is_there else gone).append(name)
    return changed, gone


def _is_recordable(work_tree: Path, name: bytes) -> bool:
    try:
        mode = Path(work_tree, os.fsdecode(name)).lstat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _ignored_since(private: PrivateDir) -> list[bytes]:
    """Files in the index that are ignored by now."""
    if not private.has_additions.exists():
        return []
    return _split(private.run(["ls-files", "-z", "--cached", "--ignored", "--exclude-standard"]))


def _not_of_the_base(private: PrivateDir, ignored: list[bytes], base: str) -> list[bytes]:
    """Those recorded earlier, ignored by now, that the base commit lacks: a tree must not depend on its history."""
    if not ignored:
        return []
    in_base = set(_split(private.run(["ls-tree", "-r", "-z", "--name-only", "--full-tree", base])))
    return [name for name in ignored if name not in in_base]


def _add_again(private: PrivateDir, index: IndexChanges, base: str) -> None:
    """Attributes changed: what differs from the base is converted anew, as if recorded for the first time."""
    fields = _split(
        private.run(["diff-index", "--cached", "-z", "--name-status", "--no-renames", "--ignore-submodules=all", base])
    )
    names = [name for status, name in zip(fields[::2], fields[1::2], strict=True) if status != b"D"]
    index.forget(names)
    index.add(names)


def _drop_foreign_submodules(private: PrivateDir, index: IndexChanges, base: str, added: list[bytes]) -> None:
    """A folder that became a repository between two looks may have got in as a submodule: only the base's count."""
    folders = [name for name in added if _is_folder(private, name)]
    if not folders:
        return
    names = submodules(private, folders if len(folders) <= FEW_NAMES else ())
    if names:
        lines = _split(private.run(["ls-tree", "-r", "-z", "--full-tree", base]))
        in_base = {line.partition(b"\t")[2] for line in lines if line.startswith(b"160000 ")}
        index.forget(sorted(names - in_base))


def _is_folder(private: PrivateDir, name: bytes) -> bool:
    """Also by a link. One that leads to what no file can be called leads nowhere: Path.is_dir raises for it."""
    return os.path.isdir(os.path.join(os.fsencode(private.work_tree), name))  # noqa: PTH112, PTH118


def _explain(error: GitFailed) -> GitError:
    """The clear reason, where the work tree is to blame."""
    said = error.standard_error
    line = next((line for line in said.splitlines() if line.startswith("error: ")), "")[len("error: ") :][:SHOWN_LENGTH]
    if "Permission denied" in said:
        return WorkTreeRefused(
            f"A file in the work tree cannot be read ({line}). Make it readable or remove it.", code="unreadable"
        )
    if "Invalid path" in said:
        return name_refused(line)
    if "Unable to process path" in said:
        return WorkTreeRefused(
            f"A file could not be recorded ({line}). If the work tree is still being changed, try again.",
            code="unstable",
        )
    return error


def _split(output: bytes) -> list[bytes]:
    return [part for part in output.split(b"\0") if part]
