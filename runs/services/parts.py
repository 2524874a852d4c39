"""An approval in parts: which files and hunks a person leaves out of it, and the tree that remains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.api.problems import ValidationFailed
from projects.git.changes import FileChange, changed_files, display_path
from projects.git.hunks import Hunk
from projects.git.parts import Indivisible, Rejection, find_conflict, hunks_of, tree_without
from projects.git.repository import Repository
from runs.diffs import describe_hunk


@dataclass(frozen=True)
class Part:
    """A changed file by the path that is shown, or (`hunks`) some of its hunks by their ids."""

    path: str
    hunks: Sequence[str] | None = None


@dataclass(frozen=True)
class Remainder:
    """What an approval without some parts is of. `rejected` describes them, in the API's spelling."""

    tree: str
    rejected: list[dict[str, Any]]


def leave_out(repository: Repository, base: str, tree: str, parts: Sequence[Part]) -> Remainder:
    """The tree without these parts of what differs from the base commit; the work tree stays as it is.

    Raises ValidationFailed, with a pointer, for parts that there are not, that cannot be told apart, or that others
    leave no room for; and where nothing is left.
    """
    changes = changed_files(repository, base, tree)
    named: dict[str, list[FileChange]] = {}
    for change in changes:
        named.setdefault(change.display_path, []).append(change)
    _refuse_repeated(parts)
    rejections = [_rejection(repository, named, number, part) for number, part in enumerate(parts)]
    _refuse_conflict(changes, rejections)
    remainder = tree_without(repository, tree, rejections)
    if remainder == repository.read_commit(base).tree:
        raise _refused("", "nothing-left", "That leaves nothing to approve: reject the run instead.")
    return Remainder(remainder, [_describe(rejection) for rejection in rejections])


def _refuse_repeated(parts: Sequence[Part]) -> None:
    seen: set[str] = set()
    for number, part in enumerate(parts):
        if part.path in seen:
            raise _refused(f"/{number}/path", "duplicate", "This file was named before: name its hunks in one place.")
        seen.add(part.path)


def _rejection(repository: Repository, named: Mapping[str, list[FileChange]], number: int, part: Part) -> Rejection:
    found = named.get(part.path, [])
    if not found:
        raise _refused(f"/{number}/path", "does-not-exist", "No changed file has this path.")
    if len(found) > 1:
        detail = "Several changed files look like this, as their names are not text: rename them, or reject the run."
        raise _refused(f"/{number}/path", "ambiguous", detail)
    return Rejection(found[0], _hunks(repository, found[0], number, part))


def _hunks(repository: Repository, change: FileChange, number: int, part: Part) -> tuple[Hunk, ...] | None:
    if part.hunks is None:
        return None
    try:
        present = {hunk.id: hunk for hunk in hunks_of(repository, change)}
    except Indivisible as error:
        raise _refused(f"/{number}/hunks", error.code, error.message) from error
    for place, name in enumerate(part.hunks):
        if name not in present:
            raise _refused(f"/{number}/hunks/{place}", "does-not-exist", "The file's diff has no such hunk.")
    return tuple(hunk for name, hunk in present.items() if name in part.hunks)


def _refuse_conflict(changes: Sequence[FileChange], rejections: Sequence[Rejection]) -> None:
    conflict = find_conflict(changes, rejections)
    if conflict is not None:
        number, other = conflict
        detail = f"It cannot be as it was while {other.display_path} is in its place: reject both, or neither."
        raise _refused(f"/{number}/path", "in-the-way", detail)


def _refused(place: str, code: str, detail: str) -> ValidationFailed:
    return ValidationFailed(errors=[{"pointer": f"/rejected{place}", "code": code, "detail": detail}])


def _describe(rejection: Rejection) -> dict[str, Any]:
    change, hunks = rejection.change, rejection.hunks
    return {
        "path": change.display_path,
        "oldPath": None if change.old_path is None else display_path(change.old_path),
        "changeType": change.change_type,
        "hunks": None if hunks is None else [describe_hunk(hunk) for hunk in hunks],
    }
