"""What of a repository's objects is named, by refs and by ids that somebody else keeps; it changes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from projects.git.errors import GitFailed
from projects.git.repository import Repository, alone

TIMEOUT_SECONDS = 3600.0


@dataclass(frozen=True)
class Named:
    """Ids that refs and roots name: those that agents may read, the others, and roots that are not there at all."""

    published: tuple[str, ...]
    private: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def everything(self) -> tuple[str, ...]:
        """All that are there."""
        return self.published + self.private


@dataclass(frozen=True)
class Unnamed:
    """Objects that nothing names, and what they take on disk."""

    objects: int
    size_bytes: int


def find_named(repository: Repository, roots: Iterable[str]) -> Named:
    """All that objects are kept for. GitFailed `repository-damaged` where a ref names what is not there."""
    refs = set(repository.refs("refs/").values())
    tips = sorted(refs.union(roots))
    there = present(repository, tips)
    if not refs <= there:
        raise GitFailed("A ref names an object that is missing: nothing is removed.", code="repository-damaged")
    published = present(repository, sorted(there), repository.objects)
    return Named(tuple(sorted(published)), tuple(sorted(there - published)), tuple(sorted(set(tips) - there)))


def find_unnamed(repository: Repository, roots: Iterable[str]) -> Unnamed:
    """What a collection would find, objects too that are too young for it."""
    named = find_named(repository, roots)
    beyond = beyond_published(repository, named)
    also = present(repository, beyond, repository.objects)
    published = _list(repository, [*named.published, *sorted(also)], alone(repository.objects))
    kept = _sizes(repository, repository.private_objects, beyond) + _sizes(repository, repository.objects, published)
    there = _sizes_of_all(repository, repository.private_objects) + _sizes_of_all(repository, repository.objects)
    return Unnamed(len(there) - len(kept), sum(there) - sum(kept))


def beyond_published(repository: Repository, named: Named) -> list[str]:
    """What private names lead to that the published ones do not, and now and then more."""
    given = [*named.private, *(f"^{each}" for each in named.published)]
    return _list(repository, given, {}) if named.private else []


def present(repository: Repository, ids: Sequence[str], folder: Path | None = None) -> set[str]:
    """Those of the ids that are there, or in one of the folders of objects."""
    environment = alone(folder) if folder else {}
    args = ["cat-file", "--batch-check=%(objectname)", "--buffer"]
    said = repository.run(args, environment=environment, standard_input=as_lines(ids), timeout_seconds=TIMEOUT_SECONDS)
    return {line for line in said.decode().split("\n") if line and not line.endswith(" missing")}


def as_lines(ids: Iterable[str]) -> bytes:
    """As git reads them from its standard input."""
    return "".join(f"{each}\n" for each in ids).encode()


def _list(repository: Repository, given: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """All that the given ids lead to; edges, with a dash, are what is beyond that."""
    args = ["rev-list", "--objects-edge-aggressive", "--no-object-names", "--stdin"]
    told = as_lines(given)
    said = repository.run(args, environment=dict(environment), standard_input=told, timeout_seconds=TIMEOUT_SECONDS)
    return [line for line in said.decode().split("\n") if line and not line.startswith("-")]


def _sizes(repository: Repository, folder: Path, ids: Sequence[str]) -> list[int]:
    """On disk, of those that are in the folder."""
    args, told = ["cat-file", "--batch-check=%(objectsize:disk)", "--buffer"], as_lines(ids)
    said = repository.run(args, environment=alone(folder), standard_input=told, timeout_seconds=TIMEOUT_SECONDS)
    return [int(line) for line in said.decode().split("\n") if line.isdigit()]


def _sizes_of_all(repository: Repository, folder: Path) -> list[int]:
    args = ["cat-file", "--batch-all-objects", "--batch-check=%(objectsize:disk)", "--unordered", "--buffer"]
    said = repository.run(args, environment=alone(folder), timeout_seconds=TIMEOUT_SECONDS)
    return [int(line) for line in said.decode().split()]
