"""The file that holds one index: one SQLite database, made aside, published by a rename, and never changed after that.

Each row of text is named by its file: the number of a chunk is that of its file, shifted, plus its place in it. The
searched texts themselves are not kept: what was searched through is read from the repository again.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

FORMAT = "1"
"""Of another format a file is not read and not built upon."""

CHUNK_BITS = 16
MAKING, LOOSE = ".making", ".loose"
"""The ends of names of files that are not whole yet."""

_CACHE_KIBIBYTES = 48 << 10

_TABLES = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files(
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, blob TEXT NOT NULL, size_bytes INTEGER NOT NULL, language TEXT,
    kind TEXT NOT NULL, lines INTEGER NOT NULL, purpose TEXT, page_rank REAL NOT NULL, changed_at INTEGER
);
CREATE TABLE names(file INTEGER PRIMARY KEY, referred BLOB NOT NULL);
CREATE TABLE identifiers(file INTEGER PRIMARY KEY, defined BLOB NOT NULL, referred BLOB NOT NULL);
CREATE TABLE chunks(id INTEGER PRIMARY KEY, start_line INTEGER NOT NULL, end_line INTEGER NOT NULL, symbol TEXT);
CREATE TABLE symbols(
    file INTEGER NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
    start_line INTEGER NOT NULL, end_line INTEGER NOT NULL, parent TEXT, PRIMARY KEY (file, place)
) WITHOUT ROWID;
CREATE INDEX symbols_by_name ON symbols(name);
CREATE TABLE imports(
    file INTEGER NOT NULL, place INTEGER NOT NULL, module TEXT NOT NULL, names TEXT NOT NULL, line INTEGER NOT NULL,
    PRIMARY KEY (file, place)
) WITHOUT ROWID;
CREATE TABLE links(source INTEGER NOT NULL, target INTEGER NOT NULL, PRIMARY KEY (source, target)) WITHOUT ROWID;
CREATE INDEX links_by_target ON links(target);
CREATE TABLE skipped(path TEXT PRIMARY KEY, blob TEXT, mode INTEGER, reason TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE history(packed BLOB NOT NULL);
CREATE VIRTUAL TABLE chunk_texts USING fts5(path, symbol, body, content='', tokenize='porter unicode61');
CREATE VIRTUAL TABLE file_histories USING fts5(subjects, content='', tokenize='porter unicode61');
"""


def chunk_id(file: int, place: int) -> int:
    """The number of a chunk by that of its file and its place in it, from 0."""
    return (file << CHUNK_BITS) | place


@contextmanager
def created(target: Path) -> Iterator[sqlite3.Connection]:
    """A new, empty file that becomes `target` where the body ends well; else nothing stays. OSError, sqlite3.Error."""
    with _making(target) as path:
        loose = path.with_suffix(LOOSE)
        try:
            loose.unlink(missing_ok=True)
            with _written(loose, _TABLES) as connection:
                yield connection
            _pack(loose, path)
        finally:
            loose.unlink(missing_ok=True)


@contextmanager
def continued(old: Path, target: Path) -> Iterator[sqlite3.Connection]:
    """The same, but it begins as a copy of another one."""
    with _making(target) as path:
        shutil.copyfile(old, path)
        with _written(path) as connection:
            yield connection


def open_to_read(path: Path) -> sqlite3.Connection:
    """A published file. Raises FileNotFoundError, or sqlite3.DatabaseError where it is damaged."""
    if not path.is_file():
        raise FileNotFoundError(path)
    address = f"file:{quote(os.fspath(path))}?mode=ro&immutable=1"
    return sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)


@contextmanager
def _making(target: Path) -> Iterator[Path]:
    """A path beside it, of this process alone; what was written there is on disk when it takes its name."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = target.with_name(f"{target.name}.{os.getpid()}{MAKING}")
    try:
        yield path
        path.chmod(0o444)  # its folder is the server's alone; an agent's sandbox shows it the file
        _sync(path)
        path.rename(target)
        _sync(target.parent)
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _written(path: Path, script: str = "") -> Iterator[sqlite3.Connection]:
    """One transaction without a journal: whoever dies leaves a file that nobody opens."""
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KIBIBYTES}", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(script)
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")
    finally:
        connection.close()


def _pack(loose: Path, path: Path) -> None:
    """A copy without free pages: what was merged on the way has left many."""
    with closing(sqlite3.connect(loose, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("VACUUM INTO ?", (os.fspath(path),))
    path.chmod(0o600)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
