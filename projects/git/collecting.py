"""Collection: what is still named goes into one pack a folder, what nothing has named for a day is removed.

Named is what a ref or one of the given roots leads to. Git packs beside all who write, for as long as it takes; the
removal at the end takes an instant, under the repository lock and while nobody writes, and passes over every file that
a writer has freshened meanwhile. Each step may be the last before a kill: a file goes after its objects are in a pack.
"""

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from projects.git.errors import GitFailed
from projects.git.named import Named, as_lines, beyond_published, find_named, present
from projects.git.process import run_git
from projects.git.repository import ABANDONED_AFTER_SECONDS, REMOTE_REFS, Repository, alone
from projects.git.store_lock import removing

GRACE_SECONDS = 24 * 3600
"""What is younger stays: somebody may be about to name it."""
TIMEOUT_SECONDS = 3600.0
LOCK_WAIT_SECONDS = 10.0
OLDEST_GIT = (2, 37)
"""The first that packs what nothing names with the time of each object (git-pack-objects(1), --cruft)."""

_PACKING = ["--delta-base-offset", "--honor-pack-keep", "--non-empty", "--quiet"]
_ONE_THREAD = (("pack.threads", "1"),)
_SUFFIXES = (".idx", ".pack", ".rev", ".bitmap", ".mtimes")  # without the first git sees none of the others
_INCOMING_REFS = "refs/quarterdeck/incoming/"


@dataclass(frozen=True)
class _Store:
    """One folder of objects as it was looked at: its files with the times that writers freshen, in nanoseconds."""

    folder: Path
    packs: Mapping[Path, int]
    loose: Mapping[Path, int]


@dataclass(frozen=True)
class _Packed:
    """Files of a store that need not stay: old packs, and loose objects that are in a new one or expired."""

    packs: Mapping[Path, int]
    loose: Mapping[Path, int]


def collect(
    repository: Repository,
    roots: Callable[[], Iterable[str]],
    *,
    locked: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    grace_seconds: float = GRACE_SECONDS,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Named:
    """Packs both folders of objects anew and removes what is not named; tells what was. One at a time.

    `roots` gives ids of whatever is named elsewhere; `locked` the repository lock, held for the removal only. May be
    killed and run again. Raises GitFailed with nothing removed: `git-too-old`, `repository-changed` where a fetch has
    come in between, `objects-in-use`, `repository-damaged`; GitTimeout, DiskFull, and what git says of a repository
    that lacks something named.
    """
    _require_git()
    deadline, expired_at = time.monotonic() + timeout_seconds, time.time() - grace_seconds
    stores = [_look(folder) for folder in (repository.private_objects, repository.objects)]
    # Only now, so that what is freshened after the look at the names has another time than at the look at the files.
    fetched = _fetched(repository)
    named = find_named(repository, roots())
    new = [_pack_private(repository, named, deadline), _pack_published(repository, named, deadline)]
    old = [_supersede(repository, *each, expired_at, deadline) for each in zip(stores, new, strict=True)]
    with locked(), removing(repository.path, wait_seconds=LOCK_WAIT_SECONDS):
        repository.guard()
        if _fetched(repository) != fetched:
            raise GitFailed("A fetch has come in between; it is tried again later.", code="repository-changed")
        for packed in old:
            _remove(packed)
        repository.run(["pack-refs", "--all"], timeout_seconds=_left(deadline))
    return named


def is_scattered(repository: Repository, *, packs: int, loose: int) -> bool:
    """Whether a folder has so many packs or loose objects, or a pack of objects that nothing named the last time."""
    stores = [_look(folder) for folder in (repository.private_objects, repository.objects)]
    return any(len(store.packs) >= packs or len(store.loose) >= loose or _has_unnamed(store) for store in stores)


def _has_unnamed(store: _Store) -> bool:
    return any(pack.with_suffix(".mtimes").exists() for pack in store.packs)


def _left(deadline: float) -> float:
    return max(0.001, deadline - time.monotonic())


def _require_git() -> None:
    found = re.search(r"(\d+)\.(\d+)", run_git(["version"]).decode())
    if found is None or (int(found[1]), int(found[2])) < OLDEST_GIT:
        needed = ".".join(map(str, OLDEST_GIT))
        raise GitFailed(f"Objects are collected with git {needed} or newer: install one.", code="git-too-old")


def _look(folder: Path) -> _Store:
    packs = {pack: _changed_at(pack) for pack in folder.glob("pack/pack-*.pack") if _is_usual(pack)}
    loose = {path: _changed_at(path) for path in folder.glob("[0-9a-f][0-9a-f]/" + "[0-9a-f]" * 38)}
    return _Store(folder, _there(packs), _there(loose))


def _is_usual(pack: Path) -> bool:
    """Whole, and not marked as still in use by who writes it."""
    return pack.with_suffix(".idx").exists() and not pack.with_suffix(".keep").exists()


def _there(files: Mapping[Path, int | None]) -> dict[Path, int]:
    return {path: changed for path, changed in files.items() if changed is not None}


def _changed_at(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _fetched(repository: Repository) -> dict[str, str]:
    """A fetch takes a commit that it finds here as it is: only its refs tell of that."""
    return repository.refs(REMOTE_REFS) | repository.refs(_INCOMING_REFS)


def _pack_private(repository: Repository, named: Named, deadline: float) -> str:
    """All that is named and not among the published objects."""
    options, given = ["--revs", "--local"], as_lines(named.everything)
    return _pack(repository, repository.private_objects, options, given, deadline, {})


def _pack_published(repository: Repository, named: Named, deadline: float) -> str:
    """All that is named and in the published folder. Git sees no other there: nothing private gets into it."""
    folder = repository.objects
    also = present(repository, beyond_published(repository, named), folder)
    given = as_lines([*named.published, *sorted(also)])
    return _pack(repository, folder, ["--revs"], given, deadline, alone(folder))


def _pack(
    repository: Repository,
    folder: Path,
    options: Sequence[str],
    given: bytes,
    deadline: float,
    environment: dict[str, str],
) -> str:
    """The name of the pack that git has written; none where there was nothing to pack."""
    (folder / "pack").mkdir(mode=0o700, exist_ok=True)
    made = repository.run(
        ["pack-objects", *options, *_PACKING, os.fspath(folder / "pack" / "pack")],
        environment=environment,
        config=_ONE_THREAD,
        standard_input=given,
        timeout_seconds=_left(deadline),
    )
    return f"pack-{made.decode().strip()}.pack" if made else ""


def _supersede(repository: Repository, store: _Store, new: str, expired_at: float, deadline: float) -> _Packed:
    """Packs what nothing names and is not expired, each object with its time; what need not stay then."""
    named = [new] if new else []
    given = as_lines([*named, *(f"-{pack.name}" for pack in store.packs if pack.name != new)])
    options = ["--cruft", f"--cruft-expiration={int(expired_at)} +0000"]
    young = _pack(repository, store.folder, options, given, deadline, alone(store.folder))
    packs = {pack: seen for pack, seen in store.packs.items() if pack.name not in (new, young)}
    said = repository.run(
        ["prune-packed", "--dry-run"], environment=alone(store.folder), timeout_seconds=_left(deadline)
    )
    packed = {Path(os.fsdecode(line.removeprefix(b"rm -f "))) for line in said.splitlines()}
    loose = {path: seen for path, seen in store.loose.items() if path in packed or seen < expired_at * 1e9}
    return _Packed(packs | _halves(store.folder), loose)


def _halves(folder: Path) -> dict[Path, int]:
    """Parts of packs that a kill has left, as git ignores them."""
    packs = folder.glob("pack/pack-*.pack")
    found = {path: _changed_at(path) for path in packs if not path.with_suffix(".idx").exists()}
    oldest = (time.time() - ABANDONED_AFTER_SECONDS) * 1e9
    return {path: changed for path, changed in _there(found).items() if changed < oldest}


def _remove(packed: _Packed) -> None:
    """What has the time still that it was seen with: any other was found by a writer, who counts on it."""
    for pack, seen in packed.packs.items():
        if _changed_at(pack) == seen:
            for suffix in _SUFFIXES:
                pack.with_suffix(suffix).unlink(missing_ok=True)
    for path, seen in packed.loose.items():
        if _changed_at(path) == seen:
            path.unlink(missing_ok=True)
