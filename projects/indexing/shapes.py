"""What is known of the code: of one file from its bytes alone, and of the files of one commit together.

Values only. Lines count from 1, both ends included; paths are relative to the repository, with `/`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a file that is searched as one; `symbol` is the definition that it lies in, dotted."""

    start_line: int
    end_line: int
    symbol: str | None


@dataclass(frozen=True, slots=True)
class Symbol:
    """A definition: `kind` is class, interface, struct, enum, type, function, method, module or constant.

    `parent` is the dotted path of the definitions around it, None at the top of the file.
    """

    name: str
    kind: str
    start_line: int
    end_line: int
    parent: str | None


@dataclass(frozen=True, slots=True)
class Import:
    """What a file takes from elsewhere: `module` as it is written (relative dots kept), the names taken, if any."""

    module: str
    names: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class FileAnalysis:
    """All that follows from a file's bytes and the kind of its name: the same for the same bytes wherever they lie.

    `purpose` is the first sentence of its docstring or leading comment. `references` are the identifiers that it uses,
    each once, in order of the alphabet. `language` is None for text of no known language. `is_generated`: its beginning
    says that a program wrote it. `is_cut_short`: it has more symbols, imports or references than are kept of a file.
    """

    language: str | None
    lines: int
    purpose: str | None
    chunks: tuple[Chunk, ...]
    symbols: tuple[Symbol, ...]
    imports: tuple[Import, ...]
    references: tuple[str, ...]
    is_generated: bool = False
    is_cut_short: bool = False


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that was left out of the index, and why: a reason in plain words, the same for all of its kind."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file of an index.

    `kind` is source, test, config, migration, docs, asset or generated. `page_rank` sums to 1 over the index.
    `last_changed_at` is None where history does not tell.
    """

    path: str
    blob: str
    size_bytes: int
    language: str | None
    kind: str
    lines: int
    purpose: str | None
    page_rank: float
    last_changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class FileLink:
    """One file of the project that imports another."""

    source: str
    target: str


class Sources(Protocol):
    """The files of one commit, as generators read them."""

    def paths(self) -> Sequence[str]:
        """All paths, in order."""
        ...

    def read(self, path: str) -> bytes | None:
        """The content of a file; None where it is not to be read: too large, binary, a link, left out."""
        ...
