"""People's text with auto-blocks: what stands between two marker lines is written anew, every other byte stays.

A block is `<!-- quarterdeck:begin NAME -->`, any lines, `<!-- quarterdeck:end NAME -->`: each marker alone on its line.
Documents are bytes: line ends, a byte order mark, a missing last line end and what is no UTF-8 stay as they are.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_BYTES = 4 * 1024 * 1024
"""Larger documents are not touched."""

_MARKER = re.compile(rb" {0,3}<!-- quarterdeck:(begin|end) ([a-z][a-z0-9-]{0,63}) -->[ \t]*")
_HINT = b"<!-- quarterdeck:"
_FENCE = re.compile(rb" {0,3}(`{3,}|~{3,})(.*)", re.DOTALL)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class BlocksRefused(Exception):
    """The document is left alone. `line` is where the trouble is, from 1; None where it is of the whole document."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message, self.line = message, line


@dataclass(frozen=True, slots=True)
class Block:
    """Where an auto-block lies: its name, and its first and last marker as indexes of lines."""

    name: str
    begin: int
    end: int


def rewrite(document: bytes, blocks: Mapping[str, str]) -> bytes:
    """The document with the named blocks' new text; blocks of other names stay as they are.

    Raises BlocksRefused where its markers are damaged, it is too large, or it has none of the blocks.
    """
    if len(document) > MAX_BYTES:
        raise BlocksRefused(f"The document has more than {MAX_BYTES} bytes.")
    lines = document.splitlines(keepends=True)
    found = [block for block in find_blocks(lines) if block.name in blocks]
    if not found:
        names = ", ".join(f"`<!-- quarterdeck:begin {name} -->`" for name in sorted(blocks))
        raise BlocksRefused(f"The document has no line {names}: put it and its end where the text is to be.")
    written: list[bytes] = []
    done = 0
    for block in found:
        written += [*lines[done : block.begin + 1], _body(blocks[block.name], _line_end(lines[block.begin]))]
        done = block.end
    return b"".join([*written, *lines[done:]])


def block_text(name: str, text: str) -> str:
    """A whole block with its markers, for a new document."""
    body = _body(text, b"\n").decode()
    return f"<!-- quarterdeck:begin {name} -->\n{body}<!-- quarterdeck:end {name} -->\n"


def find_blocks(lines: list[bytes]) -> list[Block]:
    """The blocks of a document, in order. Raises BlocksRefused at the first marker that is not where it must be."""
    found: dict[str, Block] = {}
    opened: tuple[str, int] | None = None
    for index, kind, name in _markers(lines):
        problem = _problem(kind, name, opened, found)
        if problem:
            raise BlocksRefused(problem, index + 1)
        if kind == "begin":
            opened = (name, index)
        elif opened is not None:
            found[name], opened = Block(name, opened[1], index), None
    if opened is not None:
        raise BlocksRefused(f"The block {opened[0]} is begun but not ended.", opened[1] + 1)
    return list(found.values())


def _problem(kind: str, name: str, opened: tuple[str, int] | None, found: Mapping[str, Block]) -> str:
    """Why this marker must not stand here; empty where it may."""
    if kind == "begin":
        if opened is not None:
            return f"The block {name} is begun inside of the block {opened[0]}."
        return f"There is a block {name} already." if name in found else ""
    if opened is None:
        return f"The block {name} is ended but not begun."
    return "" if opened[0] == name else f"The block {name} is ended where {opened[0]} is to be ended."


def _markers(lines: list[bytes]) -> Iterator[tuple[int, str, str]]:
    """Index, kind and name of each marker. What stands in a block is not people's: fences do not count there."""
    fence = b""
    is_inside = False
    for index, line in enumerate(lines):
        text = line.rstrip(b"\r\n").removeprefix(_BYTE_ORDER_MARK if index == 0 else b"")
        if _HINT in text:
            kind, name = _marker(text, index)
            if fence:
                raise BlocksRefused("A marker stands in a code block that is not closed before it.", index + 1)
            is_inside = kind == "begin"
            yield index, kind, name
        elif not is_inside:
            fence = _fence_after(text, fence)


def _marker(text: bytes, index: int) -> tuple[str, str]:
    match = _MARKER.fullmatch(text)
    if match is None:
        raise BlocksRefused(
            "A marker is damaged: it is `<!-- quarterdeck:begin NAME -->` or `… end …`, alone on its line.", index + 1
        )
    return match[1].decode(), match[2].decode()


def _fence_after(text: bytes, fence: bytes) -> bytes:
    """The code fence that is open after this line; empty where none is (CommonMark 0.31, section 4.5)."""
    match = _FENCE.fullmatch(text)
    if match is None:
        return fence
    mark, rest = match[1], match[2]
    if not fence:
        return b"" if mark.startswith(b"`") and b"`" in rest else mark
    is_its_end = mark.startswith(fence) and mark[:1] == fence[:1] and not rest.strip(b" \t")
    return b"" if is_its_end else fence


def _line_end(line: bytes) -> bytes:
    return line[len(line.rstrip(b"\r\n")) :] or b"\n"


def _body(text: str, line_end: bytes) -> bytes:
    """The lines between the markers, set off by empty ones. What looks like a marker in them is none afterwards."""
    harmless = text.replace(_HINT.decode(), "<!-- quarterdeck&#58;").encode("utf-8", "replace")
    lines = [line.rstrip() for line in harmless.strip().splitlines()]
    return b"".join(line + line_end for line in [b"", *lines, b""])
