"""An analysis as compact bytes, for the cache and for the way between processes, and back: exactly the same again."""

import zlib
from typing import Any

import orjson

from projects.indexing.shapes import Chunk, FileAnalysis, Import, Symbol

_LEVEL = 3
"""A third larger than the best, five times as fast."""


def pack(analysis: FileAnalysis) -> bytes:
    """Compressed JSON of nested lists, about a tenth of the source."""
    a = analysis
    row = (
        a.language,
        a.lines,
        a.purpose,
        [(c.start_line, c.end_line, c.symbol) for c in a.chunks],
        [(s.name, s.kind, s.start_line, s.end_line, s.parent) for s in a.symbols],
        [(i.module, i.names, i.line) for i in a.imports],
        a.references,
        a.is_generated,
        a.is_cut_short,
    )
    return zlib.compress(orjson.dumps(row), _LEVEL)


def unpack(packed: bytes) -> FileAnalysis:
    """What was packed. Raises zlib.error or ValueError for what `pack` has not made."""
    row: list[Any] = orjson.loads(zlib.decompress(packed))
    language, lines, purpose, chunks, symbols, imports, references, is_generated, is_cut_short = row
    return FileAnalysis(
        language=language,
        lines=lines,
        purpose=purpose,
        chunks=tuple(Chunk(*chunk) for chunk in chunks),
        symbols=tuple(Symbol(*symbol) for symbol in symbols),
        imports=tuple(Import(module, tuple(names), line) for module, names, line in imports),
        references=tuple(references),
        is_generated=is_generated,
        is_cut_short=is_cut_short,
    )
