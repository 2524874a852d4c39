"""Cuts a file into passages of whole lines, at the beginnings of its parts, each about as large as a function.

Every line is in exactly one chunk. A chunk is larger than MAX_CHUNK_BYTES only where a single line is.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from tree_sitter import Node

from projects.indexing.shapes import Chunk, Symbol

MAX_CHUNK_BYTES = 1500
MAX_PIECES = 10_000
"""Of an error in a tree: tree-sitter's time for a query grows with their square."""

_LEADING = frozenset({"comment", "line_comment", "block_comment", "attribute_item"})
"""What belongs to that which follows."""
_BLANK = re.compile(rb"^[ \t\r]*\n", re.MULTILINE)
_HEADING = re.compile(rb"^#{1,6} ", re.MULTILINE)


def line_starts(content: bytes) -> list[int]:
    """Where each line begins, and at last where the content ends. A line ends with `\\n` or with the content."""
    starts = [0, *(found.end() for found in re.finditer(rb"\n", content))]
    if starts[-1] != len(content):
        starts.append(len(content))
    return starts


class TooBroken(Exception):
    """A tree with a node of very many unconnected pieces: no program, and a query of it would take too long."""


def node_rows(root: Node) -> set[int]:
    """The rows (from 0) at which nodes begin, of all whose parent is too large to be one chunk. Raises TooBroken."""
    rows, large = set[int](), [root]
    while large:
        parent = large.pop()
        if parent.is_error and parent.child_count > MAX_PIECES:
            raise TooBroken
        end_of_leading = -2
        for child in parent.children:
            row = child.start_point.row
            if row > end_of_leading + 1:
                rows.add(row)
            if child.end_byte - child.start_byte > MAX_CHUNK_BYTES:
                large.append(child)
            end_of_leading = child.end_point.row if child.type in _LEADING else -2
    return rows


def text_rows(content: bytes, language: str | None, starts: Sequence[int]) -> set[int]:
    """The rows at which the parts of a text without a grammar begin: headings, or what follows an empty line."""
    if language == "markdown":
        return {bisect_right(starts, found.start()) - 1 for found in _HEADING.finditer(content)}
    return {bisect_right(starts, found.end()) - 1 for found in _BLANK.finditer(content)}


def cut(starts: Sequence[int], rows: Iterable[int]) -> list[tuple[int, int]]:
    """Greedily filled passages as pairs of rows, the end not included; cut at `rows` where that is possible."""
    count = len(starts) - 1
    passages: list[tuple[int, int]] = []
    begin = fitting = 0
    for mark in [*sorted(row for row in rows if 0 < row < count), count]:
        if starts[mark] - starts[begin] > MAX_CHUNK_BYTES:
            if fitting > begin:
                passages.append((begin, fitting))
                begin = fitting
            begin = _cut_by_line(starts, begin, mark, passages)
        fitting = mark
    if begin < count:
        passages.append((begin, count))
    return passages


def _cut_by_line(starts: Sequence[int], begin: int, end: int, passages: list[tuple[int, int]]) -> int:
    """Append what must be cut off before `end` lest the rest is too large; returns where the rest begins."""
    while starts[end] - starts[begin] > MAX_CHUNK_BYTES and end - begin > 1:
        row = max(begin + 1, bisect_right(starts, starts[begin] + MAX_CHUNK_BYTES, begin, end) - 1)
        passages.append((begin, row))
        begin = row
    return begin


def name_chunks(passages: Sequence[tuple[int, int]], symbols: Iterable[Symbol]) -> tuple[Chunk, ...]:
    """The passages as chunks, each with the innermost definition that holds more than half of its lines.

    `symbols` are in the order of their beginnings, the outer before the inner.
    """
    firsts = [begin for begin, _ in passages]
    names: list[str | None] = [None] * len(passages)
    for symbol in symbols:
        first, last = symbol.start_line - 1, symbol.end_line
        for index in range(bisect_right(firsts, first) - 1, len(passages)):
            begin, end = passages[index]
            if begin >= last:
                break
            if 2 * (min(end, last) - max(begin, first)) > end - begin:
                names[index] = f"{symbol.parent}.{symbol.name}" if symbol.parent else symbol.name
    return tuple(Chunk(begin + 1, end, name) for (begin, end), name in zip(passages, names, strict=True))
