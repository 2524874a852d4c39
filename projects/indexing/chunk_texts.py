"""The texts of a file's chunks, as they are searched: they follow from path, bytes and analysis, and are not kept."""

from collections.abc import Iterator
from dataclasses import dataclass

from projects.indexing.identifiers import split_identifiers
from projects.indexing.shapes import Chunk, Symbol


@dataclass(frozen=True, slots=True)
class ChunkText:
    """The three searched fields of a chunk."""

    path: str
    symbol: str
    body: str


def chunk_texts(path: str, content: bytes, chunks: tuple[Chunk, ...], symbols: tuple[Symbol, ...]) -> list[ChunkText]:
    """One text for each chunk: where it lies, the definitions around it and in it, what it says."""
    lines = content.decode("utf-8", "replace").split("\n")
    split_path = split_identifiers(path)
    return [
        ChunkText(
            split_path,
            split_identifiers(" ".join(_names(chunk, symbols))),
            split_identifiers("\n".join(lines[chunk.start_line - 1 : chunk.end_line])),
        )
        for chunk in chunks
    ]


def _names(chunk: Chunk, symbols: tuple[Symbol, ...]) -> Iterator[str]:
    if chunk.symbol is not None:
        yield chunk.symbol
    for symbol in symbols:
        if chunk.start_line <= symbol.start_line <= chunk.end_line:
            yield symbol.name
