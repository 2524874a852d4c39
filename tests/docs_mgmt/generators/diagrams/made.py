"""Made indexes for the tests of diagrams."""

from collections.abc import Iterable

from projects.indexing.shapes import FileLink, IndexedFile


def indexed(path: str, kind: str = "source", rank: float = 0.1) -> IndexedFile:
    return IndexedFile(path, "0" * 40, 1, None, kind, 1, None, rank, None)


def linked(*pairs: tuple[str, str]) -> tuple[list[IndexedFile], list[FileLink]]:
    """Source files, each pair of which is an import."""
    return [indexed(path) for path in paths(pairs)], [FileLink(*pair) for pair in pairs]


def paths(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return sorted({path for pair in pairs for path in pair})
