"""Indexes for the tests: made in this process from a repository that git wrote, and shown as logical rows."""

# ruff: noqa: S608 - all queries are of constants
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from projects.git.repository import Repository
from projects.indexing.building import Analysed
from projects.indexing.index_file import CHUNK_BITS, open_to_read
from projects.indexing.listing import TreeEntry
from projects.indexing.parsing import analyse
from tests.projects.git.sample import Origin

FILES_OF = f"(SELECT path FROM files WHERE id = %s >> {CHUNK_BITS})"
PLACE = (1 << CHUNK_BITS) - 1
ROWS = {
    "meta": "SELECT key, value FROM meta",
    "files": "SELECT path, blob, size_bytes, language, kind, lines, purpose, page_rank, changed_at FROM files",
    "names": "SELECT path, hex(referred) FROM names JOIN files ON id = file",
    "identifiers": "SELECT path, hex(defined), hex(i.referred) FROM identifiers AS i JOIN files ON id = file",
    "chunks": f"SELECT {FILES_OF % 'c.id'}, id & {PLACE}, start_line, end_line, symbol FROM chunks AS c",
    "symbols": "SELECT path, place, name, s.kind, start_line, end_line, parent FROM symbols s JOIN files ON id = file",
    "imports": "SELECT path, place, module, names, line FROM imports JOIN files ON id = file",
    "links": "SELECT a.path, b.path FROM links JOIN files AS a ON a.id = source JOIN files AS b ON b.id = target",
    "skipped": "SELECT path, blob, mode, reason FROM skipped",
    "history": "SELECT hex(packed) FROM history",
    "texts": f"SELECT {FILES_OF % 'doc'}, doc & {PLACE}, col, offset, term FROM temp.found_texts",
    "histories": "SELECT (SELECT path FROM files WHERE id = doc), offset, term FROM temp.found_histories",
    "text_sizes": f"SELECT {FILES_OF % 'id'}, id & {PLACE}, hex(sz) FROM chunk_texts_docsize",
    "history_sizes": "SELECT (SELECT path FROM files WHERE files.id = d.id), hex(sz) FROM file_histories_docsize AS d",
    "averages": "SELECT rtrim(hex(block), '0') FROM chunk_texts_data WHERE id = 1",  # of nothing: nothing, or zeros
}


class InProcess:
    """Analyses made here, without a cache."""

    def __init__(self, version: str = "1") -> None:
        self.version = version
        self.analysed: list[str] = []

    def of(self, files: Iterator[tuple[TreeEntry, bytes]]) -> Iterator[Analysed]:
        for entry, content in files:
            self.analysed.append(entry.path)
            yield entry, content, analyse(entry.path, content)


def repository_of(origin: Origin) -> Repository:
    """A person's repository as if it were the server's."""
    path = origin.path / ".git"
    (path / "private" / "objects").mkdir(parents=True, exist_ok=True)
    return Repository(path)


def logical_rows(path: Path) -> dict[str, list[Any]]:
    """Everything in an index, files by their paths in place of their numbers, in order."""
    with closing(open_to_read(path)) as index:
        for name, table in (("texts", "chunk_texts"), ("histories", "file_histories")):
            index.execute(f"CREATE VIRTUAL TABLE temp.found_{name} USING fts5vocab('main', '{table}', 'instance')")
        return {name: sorted(index.execute(query).fetchall(), key=repr) for name, query in ROWS.items()}


def column(path: Path, query: str) -> list[Any]:
    """The first column of a query's rows."""
    with closing(sqlite3.connect(path)) as index:
        return [row[0] for row in index.execute(query)]
