"""How much files use of what others define: anew for each commit, so by arrays of numbers that stand for names."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

DEFINED_AT_MOST_IN = 3
"""What more files define is a common word, and says nothing of who uses whom."""

SHORTEST_NAME = 3
WHOLE = 6
"""The weight of an identifier, shared among the files that define it. Whole numbers: their sum knows no order."""

MAX_DEFINITIONS, MAX_EDGES = 4_000_000, 4_000_000
"""More than the largest repositories have: they are held in memory. The rest is left out."""

AT_ONCE = 500_000
"""So many used names are looked up at a time, for the sake of memory."""

_NUMBER = np.dtype("<u4")

Rows = Iterable[tuple[int, bytes]]
"""Files, by their places from 0 on, with packed names."""
Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.uint32]
Weights = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Which file leans on which of `count`, by their places, and how much: each pair once, in their order."""

    count: int
    source: Integers
    target: Integers
    weight: Weights


def pack_identifiers(names: Iterable[str]) -> bytes:
    """Numbers of four bytes that stand for names, each once; short ones tell nothing and have none.

    That two names have the same is rare, and counts as one name then.
    """
    numbers = {zlib.crc32(name.encode()) for name in names if len(name) >= SHORTEST_NAME}
    return np.array(sorted(numbers), dtype=_NUMBER).tobytes()


def find_edges(count: int, defined: Rows, referred: Rows, links: Iterable[tuple[int, int]]) -> Edges:
    """Of `count` files: by the names that each defines and refers to, and by the links from one to another."""
    rare, total = _Rare(defined), 0
    keys, weights = [np.array([source * count + target for source, target in links], dtype=np.int64)], []
    weights.append(np.full(len(keys[0]), float(WHOLE)))
    for files, numbers in _batches(referred, AT_ONCE):
        if total > MAX_EDGES:
            break
        source, target, weight = rare.used(files, numbers)
        found, summed = _summed(source * count + target, weight)
        total += len(found)
        keys.append(found)
        weights.append(summed)
    key, weight = _summed(np.concatenate(keys), np.concatenate(weights))
    source, target = np.divmod(key, max(1, count))
    return Edges(count, source, target, weight)


class _Rare:
    """The names that few files define, in order, with those files."""

    def __init__(self, defined: Rows) -> None:
        nothing = np.array([], dtype=np.int64), np.array([], dtype=np.uint32)
        files, numbers = next(_batches(defined, MAX_DEFINITIONS), nothing)
        order = np.argsort(numbers, kind="stable")
        self._files = files[order]
        names, first, often = np.unique(numbers[order], return_index=True, return_counts=True)
        tells = often <= DEFINED_AT_MOST_IN
        self._names, self._first, self._often = names[tells], first[tells], often[tells]

    def used(self, files: Integers, numbers: Numbers) -> tuple[Integers, Integers, Weights]:
        """Who uses what of whom, never of itself: sources, targets and weights, name by name."""
        at = np.searchsorted(self._names, numbers)
        known = at < len(self._names)
        known[known] = self._names[at[known]] == numbers[known]
        at, files = at[known], files[known]
        often = self._often[at]
        sources, targets, weights = [], [], []
        for place in range(DEFINED_AT_MOST_IN):
            has = often > place
            sources.append(files[has])
            targets.append(self._files[self._first[at[has]] + place])
            weights.append(WHOLE // often[has])
        source, target = np.concatenate(sources), np.concatenate(targets)
        others = source != target
        return source[others], target[others], np.concatenate(weights)[others].astype(np.float64)


def _summed(keys: Integers, weights: Weights) -> tuple[Integers, Weights]:
    """Each key once, in order, with the sum of its weights."""
    found, at = np.unique(keys, return_inverse=True)
    summed: Weights = np.bincount(at, weights=weights, minlength=len(found)).astype(np.float64)
    return found, summed


def _batches(rows: Rows, most: int) -> Iterator[tuple[Integers, Numbers]]:
    """Files and numbers side by side, `most` of them at a time and what a file has more; never nothing."""
    files: list[int] = []
    packed: list[bytes] = []
    size = 0
    for file, names in rows:
        files.append(file)
        packed.append(names)
        size += len(names) // _NUMBER.itemsize
        if size >= most:
            yield _flat(files, packed)
            files, packed, size = [], [], 0
    if size:
        yield _flat(files, packed)


def _flat(files: list[int], packed: list[bytes]) -> tuple[Integers, Numbers]:
    counts = [len(names) // _NUMBER.itemsize for names in packed]
    return np.repeat(np.array(files, dtype=np.int64), counts), np.frombuffer(b"".join(packed), dtype=_NUMBER)
