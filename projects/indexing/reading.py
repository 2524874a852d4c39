"""Reads a published index: files, symbols, imports, who uses whom, what was left out; and searches it."""

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from projects.indexing.index_file import FORMAT, open_to_read
from projects.indexing.search import FoundFile, Scope, search
from projects.indexing.shapes import Chunk, FileLink, Import, IndexedFile, SkippedFile, Symbol

_FILE = "path, blob, size_bytes, language, kind, lines, purpose, page_rank, changed_at"
_WITH_PATH = "JOIN files ON files.id = {}"


class IndexUnreadable(Exception):
    """The file is not there, is damaged, or was written by another version of the server."""


class IndexReader:
    """One index, open; it stays the same however often a newer one is published. Close it.

    Every method raises IndexUnreadable where the file turns out to be damaged.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._connection = open_to_read(path)
        except OSError as error:
            raise IndexUnreadable(f"{path.name} is not there") from error
        try:
            self._meta = dict(self._rows("SELECT key, value FROM meta"))
        except IndexUnreadable:
            self.close()
            raise
        if self._meta.get("format") != FORMAT:
            self.close()
            raise IndexUnreadable(f"{path.name} has another format")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets the file go."""
        self._connection.close()

    @property
    def commit(self) -> str:
        """The commit that all of this is of."""
        return str(self._meta["commit"])

    @property
    def extractor_version(self) -> str:
        """Of what parsed its files."""
        return str(self._meta["extractor_version"])

    def count(self, what: str) -> int:
        """How many `files`, `chunks` or `skipped` it has."""
        return int(self._meta[what])

    def files(self, *, after: str = "", limit: int = -1) -> list[IndexedFile]:
        """Files in order of their paths, those after a path; all of them unless limited."""
        rows = self._rows(f"SELECT {_FILE} FROM files WHERE path > ? ORDER BY path LIMIT ?", after, limit)  # noqa: S608 - a constant
        return [_file(row) for row in rows]

    def file(self, path: str) -> IndexedFile | None:
        """One file."""
        rows = self._rows(f"SELECT {_FILE} FROM files WHERE path = ?", path)  # noqa: S608 - a constant
        return _file(rows[0]) if rows else None

    def chunks(self, path: str) -> list[Chunk]:
        """The passages that a file is searched by, in their order."""
        rows = self._rows(
            "SELECT chunks.start_line, chunks.end_line, chunks.symbol FROM files JOIN chunks "
            "ON chunks.id >= files.id << 16 AND chunks.id < (files.id + 1) << 16 WHERE path = ? ORDER BY chunks.id",
            path,
        )
        return [Chunk(*row) for row in rows]

    def symbols(self, paths: Sequence[str]) -> dict[str, list[Symbol]]:
        """What each of the files defines, in order of its lines."""
        found = self._of_files("name, symbols.kind, start_line, end_line, parent FROM symbols", paths)
        return {path: [Symbol(*row) for row in rows] for path, rows in found.items()}

    def imports(self, paths: Sequence[str]) -> dict[str, list[Import]]:
        """What each of the files imports, in order of its lines."""
        found = self._of_files("module, names, line FROM imports", paths)
        return {
            path: [Import(module, tuple(json.loads(names)), line) for module, names, line in rows]
            for path, rows in found.items()
        }

    def used_by(self, paths: Sequence[str], *, limit: int = -1) -> dict[str, list[str]]:
        """The files that import each of the files, in order of their paths; of each the first, where limited."""
        query = (
            "SELECT source.path FROM files AS target JOIN links ON links.target = target.id "
            "JOIN files AS source ON source.id = links.source WHERE target.path = ? ORDER BY source.path LIMIT ?"
        )
        return {path: [source for (source,) in self._rows(query, path, limit)] for path in paths}

    def links(self, *, path_characters: int | None = None) -> list[FileLink]:
        """Every file with each one that it imports, in order of their paths.

        Where their paths have more characters together, some are left out: a small project can have gigabytes of them.
        """
        paths = dict(self._rows("SELECT id, path FROM files"))
        room = math.inf if path_characters is None else path_characters
        found = []
        for source, target in self._each_row("SELECT source, target FROM links"):
            room -= len(paths[source]) + len(paths[target])
            if room < 0:
                break
            found.append(FileLink(paths[source], paths[target]))
        return sorted(found, key=lambda link: (link.source, link.target))

    def skipped(self, *, limit: int = -1) -> list[SkippedFile]:
        """What was left out, in order of the paths."""
        return [
            SkippedFile(*row) for row in self._rows("SELECT path, reason FROM skipped ORDER BY path LIMIT ?", limit)
        ]

    def skipped_by_reason(self, *, examples: int = 5) -> list[tuple[str, int, list[str]]]:
        """Each reason, how many files it holds for, and the first of them; the most frequent reason first."""
        counts = self._rows("SELECT reason, count(*) FROM skipped GROUP BY reason ORDER BY count(*) DESC, reason")
        some = "SELECT path FROM skipped WHERE reason = ? ORDER BY path LIMIT ?"
        return [(reason, number, [path for (path,) in self._rows(some, reason, examples)]) for reason, number in counts]

    def search(
        self, text: str, *, limit: int = 50, path: str | None = None, language: str | None = None
    ) -> list[FoundFile]:
        """The files that fit a text best, best first; those whose path begins so, and in this language."""
        try:
            return search(self._connection, text, limit=limit, scope=Scope(path, language))
        except sqlite3.DatabaseError as error:
            raise IndexUnreadable(str(error)) from error

    def _of_files(self, what: str, paths: Sequence[str]) -> dict[str, list[tuple[Any, ...]]]:
        marks = ", ".join("?" * len(paths))
        table = what.rpartition(" ")[2]
        rows = self._rows(
            f"SELECT path, {what} JOIN files ON files.id = {table}.file WHERE path IN ({marks}) ORDER BY path, place",
            *paths,
        )
        return _grouped(paths, ((path, tuple(facts)) for path, *facts in rows))

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return list(self._each_row(query, *values))

    def _each_row(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._connection.execute(query, values)
        except sqlite3.DatabaseError as error:
            raise IndexUnreadable(str(error)) from error


def _grouped(paths: Sequence[str], rows: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {path: [] for path in paths}
    for path, value in rows:
        found[path].append(value)
    return found


def _file(row: Sequence[Any]) -> IndexedFile:
    path, blob, size_bytes, language, kind, lines, purpose, rank, changed_at = row
    at = None if changed_at is None else datetime.fromtimestamp(changed_at, UTC)
    return IndexedFile(path, blob, size_bytes, language, kind, lines, purpose, rank, at)
