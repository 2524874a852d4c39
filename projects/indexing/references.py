"""The identifiers that a file's code uses: the words outside of comments and strings that the language leaves free."""

import re
from collections.abc import Iterable

from tree_sitter import Node

MAX_REFERENCES = 5000
_WORD = re.compile(rb"[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]+")
_RUBY_WORD = re.compile(rb"[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]+[?!]?")
_MAX_WORD_BYTES = 200


def read_references(
    content: bytes, texts: Iterable[Node], language: str, keywords: frozenset[bytes]
) -> tuple[tuple[str, ...], bool]:
    """The words, each once and in order, and whether some were left out. `texts` are no code."""
    pieces, position = [], 0
    for begin, end in sorted((node.start_byte, node.end_byte) for node in texts):
        pieces.append(content[position:begin])
        position = max(position, end)
    pieces.append(content[position:])
    word = _RUBY_WORD if language == "ruby" else _WORD
    words = {found for found in word.findall(b"\n".join(pieces)) if len(found) <= _MAX_WORD_BYTES} - keywords
    decoded = sorted({found.decode("utf-8", "replace") for found in words})
    return tuple(decoded[:MAX_REFERENCES]), len(decoded) > MAX_REFERENCES
