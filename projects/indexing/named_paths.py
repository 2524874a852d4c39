"""Which files a query names by their path, or by its end: whoever writes one wants that file."""

import re
import sqlite3
from collections.abc import Iterator
from enum import IntEnum
from itertools import islice

MAXIMUM_NAMES = 24
"""As many names of a query are looked for, from its beginning."""

MAXIMUM_FILES = 500
"""Of a name that many files have."""

_LINES = re.compile(r"(?::\d+)+:?$")
_AROUND = "`'\",;:()<>[]?!"


class Naming(IntEnum):
    """How exactly a query names a file."""

    AMONG_OTHERS = 0
    """It says more than a path."""
    END = 1
    """It is the end of the path."""
    WHOLE = 2
    """It is the path."""


def named_files(index: sqlite3.Connection, text: str, where: str, values: list[str]) -> dict[int, Naming]:
    """The files that the text names, in capitals or not. `where` is SQL of the files' columns, with its values."""
    found: dict[int, Naming] = {}
    for name, is_alone in islice(dict(_names(text)).items(), MAXIMUM_NAMES):
        rows = index.execute(
            "SELECT id, lower(path) = ? FROM files WHERE substr('/' || lower(path), -length(?)) = ? "  # noqa: S608 - of constants
            f"AND {where} ORDER BY path LIMIT {MAXIMUM_FILES}",
            (name, f"/{name}", f"/{name}", *values),
        )
        for file, is_whole in rows:
            naming = (Naming.WHOLE if is_whole else Naming.END) if is_alone else Naming.AMONG_OTHERS
            found[file] = max(found.get(file, naming), naming)
    return found


def _names(text: str) -> Iterator[tuple[str, bool]]:
    """What in a text may be a path, in small letters and without the number of a line; whether it is the whole text."""
    for piece in text.split():
        if "/" in piece or "." in piece:
            yield from _name(piece, is_alone=False)
    yield from _name(text, is_alone=True)  # a path may have spaces


def _name(piece: str, *, is_alone: bool) -> Iterator[tuple[str, bool]]:
    name = _LINES.sub("", piece.strip().strip(_AROUND)).removeprefix("./").strip("/").lower()
    if name.strip("."):
        yield name, is_alone
