"""Who uses whom among the files of an index that is being made: it follows from its rows alone."""

import sqlite3
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby

import orjson

from projects.git.repository import Repository
from projects.indexing.contents import read_contents
from projects.indexing.page_rank import WHOLE, Edge, identifier_edges, page_rank
from projects.indexing.resolving.by_name import LANGUAGES as NAMED
from projects.indexing.resolving.resolver import Resolver
from projects.indexing.shapes import Import

_TELLING = ("go.mod", "cargo.toml", "package.json", "tsconfig.json", "jsconfig.json")
_READ_FILES = 1000


def tells_of_modules(path: str) -> bool:
    """Whether a file says where modules begin, so that imports of other files may mean something else by it."""
    return path.rpartition("/")[2].lower() in _TELLING


def find_links(index: sqlite3.Connection, repository: Repository, only: Collection[int] | None = None) -> list[Edge]:
    """The files that import others, by the numbers of both: of all files or of some only. Raises GitError."""
    if only is not None and not only:
        return []
    rows = index.execute("SELECT path, id, blob, language FROM files ORDER BY path").fetchall()
    numbers = {path: number for path, number, _, _ in rows}
    known = _telling(repository, {path: blob for path, _, blob, _ in rows})
    resolver, imports = Resolver(numbers, known.get), _imports(index, only)
    links: list[Edge] = []
    for path, number, _, language in rows:
        if number in imports or (language in NAMED and (only is None or number in only)):
            used = _referred(index, number) if language in NAMED else ()
            targets = resolver.targets(path, language, imports.get(number, ()), used)
            links += [(number, numbers[target]) for target in sorted(targets)]
    return links


def find_ranks(index: sqlite3.Connection) -> dict[int, float]:
    """Every file's PageRank, by its number: of the identifiers that files use of others, and of the links."""
    nodes = [number for (number,) in index.execute("SELECT id FROM files ORDER BY path")]
    names = index.execute("SELECT file, referred FROM names")
    referred = ((number, _unpacked(packed)) for number, packed in names)
    edges = identifier_edges(index.execute("SELECT name, file FROM symbols"), referred)
    for link in index.execute("SELECT source, target FROM links"):
        edges[link] = edges.get(link, 0) + WHOLE
    return dict(zip(nodes, page_rank(nodes, edges), strict=True))


def pack_names(names: Sequence[str]) -> bytes:
    """The identifiers that a file uses, as its row has them."""
    return zlib.compress("\n".join(names).encode(), 3)


def _unpacked(packed: bytes) -> list[str]:
    return zlib.decompress(packed).decode().split("\n")


def _referred(index: sqlite3.Connection, number: int) -> Iterator[str]:
    for (packed,) in index.execute("SELECT referred FROM names WHERE file = ?", (number,)):
        yield from _unpacked(packed)


def _imports(index: sqlite3.Connection, only: Collection[int] | None) -> dict[int, list[Import]]:
    rows = index.execute("SELECT file, module, names, line FROM imports ORDER BY file, place")
    return {
        number: [Import(module, tuple(orjson.loads(names)), line) for _, module, names, line in group]
        for number, group in groupby(rows, key=lambda row: row[0])
        if only is None or number in only
    }


def _telling(repository: Repository, blobs: Mapping[str, str]) -> dict[str, bytes]:
    """The files that say where modules begin, with their contents."""
    wanted = [path for path in blobs if tells_of_modules(path)][:_READ_FILES]
    return dict(zip(wanted, read_contents(repository, [blobs[path] for path in wanted]), strict=True))
