"""Writes the rows of an index that is being made: whole files in, whole files out."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from projects.indexing.chunk_texts import chunk_texts
from projects.indexing.history import PastCommit, pack_commits, unpack_commits
from projects.indexing.index_file import CHUNK_BITS, chunk_id
from projects.indexing.kinds import kind_of
from projects.indexing.linking import pack_names
from projects.indexing.listing import TreeEntry
from projects.indexing.shapes import Chunk, FileAnalysis, SkippedFile, Symbol
from projects.indexing.uses import pack_identifiers

MAXIMUM_CHUNKS = (1 << CHUNK_BITS) - 1
_DELETED_TEXT = "INSERT INTO chunk_texts(chunk_texts, rowid, path, symbol, body) VALUES('delete', ?, ?, ?, ?)"
_DELETED_HISTORY = "INSERT INTO file_histories(file_histories, rowid, subjects) VALUES('delete', ?, ?)"


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that the index has: its number and its blob."""

    number: int
    blob: str


class IndexWriter:
    """The rows of one file under construction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._run = connection.execute
        self._run_many = connection.executemany
        self._next: int = self._run("SELECT coalesce(max(id), 0) + 1 FROM files").fetchone()[0]

    def files(self) -> dict[str, KeptFile]:
        """Every file by its path."""
        rows = self._run("SELECT path, id, blob FROM files")
        return {path: KeptFile(number, blob) for path, number, blob in rows}

    def skipped(self) -> dict[str, tuple[str, int]]:
        """Blob and mode of what was left out, by its path."""
        rows = self._run("SELECT path, blob, mode FROM skipped WHERE blob IS NOT NULL")
        return {path: (blob, mode) for path, blob, mode in rows}

    def commits(self) -> list[PastCommit]:
        """The history that was read, newest first."""
        rows = self._run("SELECT packed FROM history").fetchall()
        return [commit for (packed,) in rows for commit in unpack_commits(packed)]

    def add(self, entry: TreeEntry, content: bytes, analysis: FileAnalysis, number: int | None = None) -> None:
        """Writes a file with all that is known of it, under the number that it had before, if any."""
        if number is None:
            number, self._next = self._next, self._next + 1
        kind = kind_of(entry.path, analysis.language, is_generated=analysis.is_generated)
        facts = (analysis.language, kind, analysis.lines, analysis.purpose)
        row = (number, entry.path, entry.blob, len(content), *facts)
        self._run("INSERT INTO files VALUES(?, ?, ?, ?, ?, ?, ?, ?, 0, NULL)", row)
        self._run("INSERT INTO names VALUES(?, ?)", (number, pack_names(analysis.references)))
        defined = pack_identifiers(symbol.name for symbol in analysis.symbols)
        self._run("INSERT INTO identifiers VALUES(?, ?, ?)", (number, defined, pack_identifiers(analysis.references)))
        self._add_rows(number, analysis)
        self._add_texts(number, entry.path, content, analysis)

    def remove(self, path: str, file: KeptFile, content: bytes) -> None:
        """Takes a file out; `content` is that of its blob."""
        chunks, symbols = self._chunks(file.number), self._symbols(file.number)
        texts = chunk_texts(path, content, chunks, symbols)
        gone = ((chunk_id(file.number, place), text.path, text.symbol, text.body) for place, text in enumerate(texts))
        self._run_many(_DELETED_TEXT, gone)
        self._run("DELETE FROM chunks WHERE id BETWEEN ? AND ?", _range(file.number))
        for table in ("symbols", "imports", "names", "identifiers"):
            self._run(f"DELETE FROM {table} WHERE file = ?", (file.number,))  # noqa: S608 - of the line above
        self._run("DELETE FROM files WHERE id = ?", (file.number,))

    def skip(self, entry: TreeEntry, reason: str) -> None:
        """Notes what is left out, and why."""
        row = (entry.path, entry.blob, entry.mode, reason)
        self._run("INSERT OR REPLACE INTO skipped VALUES(?, ?, ?, ?)", row)

    def unskip(self, paths: Iterable[str]) -> None:
        """Forgets that these were left out."""
        self._run_many("DELETE FROM skipped WHERE path = ?", ((path,) for path in paths))

    def set_unlisted(self, skipped: Sequence[SkippedFile]) -> None:
        """What was left out without an entry of its own, in place of what there was of that kind."""
        self._run("DELETE FROM skipped WHERE blob IS NULL")
        rows = ((each.path, each.reason) for each in skipped)
        self._run_many("INSERT OR IGNORE INTO skipped VALUES(?, NULL, NULL, ?)", rows)

    def set_commits(self, commits: Sequence[PastCommit]) -> None:
        """The history that was read, newest first, in place of the former."""
        self._run("DELETE FROM history")
        self._run("INSERT INTO history VALUES(?)", (pack_commits(commits),))

    def set_history(self, number: int, old: Sequence[str], new: Sequence[str]) -> None:
        """The subjects that a file is found by."""
        if old:
            self._run(_DELETED_HISTORY, (number, history_text(old)))
        if new:
            self._run("INSERT INTO file_histories(rowid, subjects) VALUES(?, ?)", (number, history_text(new)))

    def set_changed_at(self, times: Iterable[tuple[int, int | None]]) -> None:
        """When files, by their numbers, changed last."""
        rows = ((at, number, at) for number, at in times)
        self._run_many("UPDATE files SET changed_at = ? WHERE id = ? AND changed_at IS NOT ?", rows)

    def set_links(self, links: Iterable[tuple[int, int]], sources: Iterable[int] | None) -> None:
        """Which file imports which: in place of all links, or of those of some sources."""
        if sources is None:
            self._run("DELETE FROM links")
        else:
            self._run_many("DELETE FROM links WHERE source = ?", ((source,) for source in sources))
        self._run_many("INSERT INTO links VALUES(?, ?)", links)

    def set_ranks(self, ranks: Mapping[int, float]) -> None:
        """Every file's PageRank."""
        self._run_many("UPDATE files SET page_rank = ? WHERE id = ?", ((rank, file) for file, rank in ranks.items()))

    def set_meta(self, **values: object) -> None:
        """Facts of the whole index."""
        rows = ((key, str(value)) for key, value in values.items())
        self._run_many("INSERT OR REPLACE INTO meta VALUES(?, ?)", rows)

    def pack(self) -> None:
        """Puts the searched texts together as tightly as they go: for an index that was made from nothing."""
        for table in ("chunk_texts", "file_histories"):
            self._run(f"INSERT INTO {table}({table}) VALUES('optimize')")

    def _add_rows(self, number: int, analysis: FileAnalysis) -> None:
        chunks = enumerate(analysis.chunks[:MAXIMUM_CHUNKS])
        self._run_many(
            "INSERT INTO chunks VALUES(?, ?, ?, ?)",
            ((chunk_id(number, place), each.start_line, each.end_line, each.symbol) for place, each in chunks),
        )
        symbols = enumerate(analysis.symbols)
        self._run_many(
            "INSERT INTO symbols VALUES(?, ?, ?, ?, ?, ?, ?)",
            ((number, at, each.name, each.kind, each.start_line, each.end_line, each.parent) for at, each in symbols),
        )
        imports = enumerate(analysis.imports)
        self._run_many(
            "INSERT INTO imports VALUES(?, ?, ?, ?, ?)",
            ((number, at, each.module, json.dumps(each.names), each.line) for at, each in imports),
        )

    def _add_texts(self, number: int, path: str, content: bytes, analysis: FileAnalysis) -> None:
        texts = chunk_texts(path, content, analysis.chunks[:MAXIMUM_CHUNKS], analysis.symbols)
        self._run_many(
            "INSERT INTO chunk_texts(rowid, path, symbol, body) VALUES(?, ?, ?, ?)",
            ((chunk_id(number, place), text.path, text.symbol, text.body) for place, text in enumerate(texts)),
        )

    def _chunks(self, number: int) -> tuple[Chunk, ...]:
        rows = "SELECT start_line, end_line, symbol FROM chunks WHERE id BETWEEN ? AND ? ORDER BY id"
        return tuple(Chunk(*row) for row in self._run(rows, _range(number)))

    def _symbols(self, number: int) -> tuple[Symbol, ...]:
        rows = "SELECT name, kind, start_line, end_line, parent FROM symbols WHERE file = ? ORDER BY place"
        return tuple(Symbol(*row) for row in self._run(rows, (number,)))


def history_text(subjects: Sequence[str]) -> str:
    """The text that a file's commits are searched by."""
    return "\n".join(subjects)


def _range(number: int) -> tuple[int, int]:
    return chunk_id(number, 0), chunk_id(number, MAXIMUM_CHUNKS)
