"""Finds files by what they say, where they lie and what their commits said; bench/retrieval.py chose the figures."""

import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from projects.indexing.index_file import CHUNK_BITS
from projects.indexing.named_paths import Naming, named_files
from projects.indexing.query_terms import Query, Term, read_query

FIELD_WEIGHTS = (10.0, 5.0, 1.0)
"""Of path, symbol and body of a chunk in BM25."""

CHUNK_SHARES = (1.0, 0.4, 0.2, 0.1)
"""What the best chunks of a file count for the file."""

HISTORY_SHARE = 0.5
RANK_SHARE = 0.08
MAXIMUM_CHUNKS = 1200
"""As many of the best chunks are looked at for files."""

SYMBOL_BONUS = 0.5
"""Of a file that defines a symbol, or has a path, which the query says among other things."""

ALONE_BONUS = 10.0
"""Of one whose symbol, or the end of whose path, is the whole query: more than all else can give."""

TEST_SHARE = 0.5
"""Of the latter for a file of tests: those often have a class or a function of the same name as what they test."""

SHOWN_CHUNKS = 3


@dataclass(frozen=True, slots=True)
class FoundChunk:
    """A passage of a file that was found; lines from 1, both included."""

    start_line: int
    end_line: int
    symbol: str | None
    score: float


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that was found, its best chunks first; `score` is at most 1, that of the best file.

    `defines` are the symbols of the query that it defines. `terms` are what was searched. `is_named`: the query names
    its path, or the end of it.
    """

    path: str
    blob: str
    language: str | None
    kind: str
    score: float
    chunks: tuple[FoundChunk, ...]
    defines: tuple[str, ...]
    in_history: bool
    terms: tuple[Term, ...]
    is_named: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """Which files count: those whose path begins so, those in this language."""

    path: str | None = None
    language: str | None = None

    @property
    def condition(self) -> tuple[str, list[str]]:
        """SQL of the files' columns, and its values. A prefix is a range: LIKE would know wildcards and fold case."""
        tests, values = ["1"], []
        if self.path is not None:
            tests.append("substr(path, 1, length(?)) = ?")
            values += [self.path, self.path]
        if self.language is not None:
            tests.append("language = ?")
            values.append(self.language)
        return " AND ".join(tests), values


def search(index: sqlite3.Connection, text: str, *, limit: int, scope: Scope = Scope()) -> list[FoundFile]:
    """The files that fit best, best first; equal ones in order of their paths."""
    chunks, files = (int(_meta(index, key)) for key in ("chunks", "files"))
    query = read_query(text, index, chunks)
    defining = _defining(index, query, scope)
    named = named_files(index, text, *scope.condition)
    bonuses = _bonuses(index, defining, query, named)
    found = _matching_chunks(index, query, scope)
    histories = _matching_histories(index, query)
    texts = {file: _of_file([score for _, score in scored]) for file, scored in found.items()}
    scores = _together(
        texts,
        histories,
        files,
        _facts(index, texts.keys() | histories.keys() | bonuses.keys(), scope),
        bonuses,
    )
    best = sorted(scores.items(), key=lambda each: (-each[1][0], each[1][1]))[:limit]
    highest = best[0][1][0] if best else 1.0
    return [
        _file(
            index,
            number,
            score / highest,
            found.get(number, []),
            defining.get(number, {}),
            number in histories,
            number in named,
            query,
        )
        for number, (score, _) in best
    ]


def _meta(index: sqlite3.Connection, key: str) -> str:
    value: str = index.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0]
    return value


def _matching_chunks(index: sqlite3.Connection, query: Query, scope: Scope) -> dict[int, list[tuple[int, float]]]:
    """The best chunks of each file with their scores, best first, by the files' numbers."""
    if not query.terms:
        return {}
    where, values = scope.condition
    within = f"AND (rowid >> {CHUNK_BITS}) IN (SELECT id FROM files WHERE {where})" if values else ""  # noqa: S608 - of constants
    rows = index.execute(
        f"SELECT rowid, -bm25(chunk_texts, ?, ?, ?) AS score FROM chunk_texts WHERE chunk_texts MATCH ? {within} "  # noqa: S608 - of constants
        "ORDER BY score DESC, rowid LIMIT ?",
        (*FIELD_WEIGHTS, query.expression, *values, MAXIMUM_CHUNKS),
    )
    found: dict[int, list[tuple[int, float]]] = {}
    for chunk, score in rows:
        found.setdefault(chunk >> CHUNK_BITS, []).append((chunk, score))
    return found


def _matching_histories(index: sqlite3.Connection, query: Query) -> dict[int, float]:
    if not query.terms:
        return {}
    rows = index.execute(
        "SELECT rowid, -bm25(file_histories) FROM file_histories WHERE file_histories MATCH ?", (query.expression,)
    )
    return dict(rows)


def _of_file(scores: Sequence[float]) -> float:
    return sum(share * score for share, score in zip(CHUNK_SHARES, scores, strict=False))


def _defining(index: sqlite3.Connection, query: Query, scope: Scope) -> dict[int, dict[str, int]]:
    """The files that define a symbol that is named exactly: for each the symbols and their lines."""
    where, values = scope.condition
    found: dict[int, dict[str, int]] = {}
    for name, parent in query.symbols:
        rows = index.execute(
            "SELECT file, start_line FROM symbols JOIN files ON files.id = file WHERE name = ? "  # noqa: S608 - of constants
            f"AND (? = '' OR parent = ? OR parent LIKE '%.' || ?) AND {where} ORDER BY path, place LIMIT 500",
            (name, parent, parent, parent, *values),
        )
        shown = f"{parent}.{name}" if parent else name
        for file, line in rows:
            found.setdefault(file, {}).setdefault(shown, line)
    return found


def _bonuses(
    index: sqlite3.Connection, defining: Mapping[int, object], query: Query, named: Mapping[int, Naming]
) -> dict[int, float]:
    """What files get because the query names them, or what they define, exactly. A whole path comes before an end."""
    bonuses = dict.fromkeys(defining, ALONE_BONUS if query.is_symbol else SYMBOL_BONUS)
    if query.is_symbol:
        tests = {row[0] for row in index.execute("SELECT id FROM files WHERE kind = 'test'")}
        bonuses |= dict.fromkeys(bonuses.keys() & tests, TEST_SHARE * ALONE_BONUS)
    for number, naming in named.items():
        bonuses[number] = max(bonuses.get(number, 0), naming * ALONE_BONUS or SYMBOL_BONUS)
    return bonuses


def _facts(index: sqlite3.Connection, numbers: set[int], scope: Scope) -> dict[int, tuple[str, float]]:
    """Path and PageRank of those of the files that are in scope."""
    where, values = scope.condition
    rows = index.execute(f"SELECT id, path, page_rank FROM files WHERE {where}", values)  # noqa: S608 - of constants
    return {number: (path, rank) for number, path, rank in rows if number in numbers}


def _together(
    texts: Mapping[int, float],
    histories: Mapping[int, float],
    files: int,
    facts: Mapping[int, tuple[str, float]],
    bonuses: Mapping[int, float],
) -> dict[int, tuple[float, str]]:
    """Score and path of each file: both searches, each by its best, weighted by PageRank."""
    best_text, best_history = max(texts.values(), default=0) or 1, max(histories.values(), default=0) or 1
    scores = {}
    for number, (path, rank) in facts.items():
        score = texts.get(number, 0) / best_text + HISTORY_SHARE * histories.get(number, 0) / best_history
        score *= 1 + RANK_SHARE * math.log1p(files * rank)
        scores[number] = (score + bonuses.get(number, 0), path)
    return scores


def _file(
    index: sqlite3.Connection,
    number: int,
    score: float,
    chunks: Sequence[tuple[int, float]],
    defines: Mapping[str, int],
    in_history: bool,
    is_named: bool,
    query: Query,
) -> FoundFile:
    path, blob, language, kind = index.execute(
        "SELECT path, blob, language, kind FROM files WHERE id = ?", (number,)
    ).fetchone()
    return FoundFile(
        path=path,
        blob=blob,
        language=language,
        kind=kind,
        score=score,
        chunks=tuple(_shown_chunks(index, number, chunks, list(defines.values()))),
        defines=tuple(defines),
        in_history=in_history,
        terms=query.terms,
        is_named=is_named,
    )


def _shown_chunks(
    index: sqlite3.Connection, number: int, chunks: Sequence[tuple[int, float]], lines: Sequence[int]
) -> list[FoundChunk]:
    """The chunks in which named symbols begin, then the best ones."""
    scores = dict(chunks)
    first, last = number << CHUNK_BITS, (number + 1) << CHUNK_BITS
    defining = "SELECT id FROM chunks WHERE id >= ? AND id < ? AND start_line <= ? AND end_line >= ?"
    wanted = [row[0] for line in lines for row in index.execute(defining, (first, last, line, line))]
    ids = list(dict.fromkeys([*wanted, *(chunk for chunk, _ in chunks)]))[:SHOWN_CHUNKS] or [first]
    found = (index.execute("SELECT id, start_line, end_line, symbol FROM chunks WHERE id = ?", (each,)) for each in ids)
    return [
        FoundChunk(start_line, end_line, symbol, scores.get(each, 0.0))
        for rows in found
        for each, start_line, end_line, symbol in rows
    ]
