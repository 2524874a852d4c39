"""Who uses whom among the files of an index that is being made: it follows from its rows alone."""

import logging
import sqlite3
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import orjson

from projects.git.repository import Repository
from projects.indexing.contents import read_contents
from projects.indexing.page_rank import page_rank
from projects.indexing.resolving.by_name import LANGUAGES as NAMED
from projects.indexing.resolving.resolver import Resolver
from projects.indexing.shapes import Import
from projects.indexing.uses import find_edges

LINK_SECONDS = 600.0
"""The largest repositories take about a minute. Who makes imports that cost more has the rest of them left out."""
MAX_LINKS = 4_000_000
"""More than the largest repositories have: they are held in memory. The rest is left out."""

_TELLING = ("go.mod", "cargo.toml", "package.json", "tsconfig.json", "jsconfig.json")
_READ_FILES = 1000

logger = logging.getLogger(__name__)


def tells_of_modules(path: str) -> bool:
    """Whether a file says where modules begin, so that imports of other files may mean something else by it."""
    return path.rpartition("/")[2].lower() in _TELLING


def find_links(
    index: sqlite3.Connection,
    repository: Repository,
    only: Collection[int] | None = None,
    *,
    tell: Callable[[int], None] = lambda percent: None,
) -> list[tuple[int, int]]:
    """The files that import others, by the numbers of both: of all files or of some only. Raises GitError.

    `tell` is told before each file how much is done, in percent; what it raises ends this.
    """
    if only is not None and not only:
        return []
    rows = index.execute("SELECT path, id, blob, language FROM files ORDER BY path").fetchall()
    numbers = {path: number for path, number, _, _ in rows}
    known = _telling(repository, {path: blob for path, _, blob, _ in rows})
    resolver, until = Resolver(numbers, known.get), time.monotonic() + LINK_SECONDS
    links: list[tuple[int, int]] = []
    for place, (path, number, _, language) in enumerate(rows):
        if only is not None and number not in only:
            continue
        tell(100 * place // len(rows))
        if len(links) > MAX_LINKS or time.monotonic() > until:
            logger.warning("An index has no imports of %s of its %s files: too many.", len(rows) - place, len(rows))
            break
        used = _referred(index, number) if language in NAMED else ()
        targets = resolver.targets(path, language, _imports(index, number), used)
        links += [(number, numbers[target]) for target in sorted(targets)]
    return links


def find_ranks(index: sqlite3.Connection) -> dict[int, float]:
    """Every file's PageRank, by its number: of the identifiers that files use of others, and of the links."""
    files = [number for (number,) in index.execute("SELECT id FROM files ORDER BY path")]
    places = {number: place for place, number in enumerate(files)}
    defined = ((places[file], packed) for file, packed in index.execute("SELECT file, defined FROM identifiers"))
    referred = ((places[file], packed) for file, packed in index.execute("SELECT file, referred FROM identifiers"))
    links = index.execute("SELECT source, target FROM links")
    edges = find_edges(len(files), defined, referred, ((places[source], places[target]) for source, target in links))
    return dict(zip(files, page_rank(edges), strict=True))


def pack_names(names: Sequence[str]) -> bytes:
    """The identifiers that a file uses, as its row has them."""
    return zlib.compress("\n".join(names).encode(), 3)


def _unpacked(packed: bytes) -> list[str]:
    return zlib.decompress(packed).decode().split("\n")


def _referred(index: sqlite3.Connection, number: int) -> Iterator[str]:
    for (packed,) in index.execute("SELECT referred FROM names WHERE file = ?", (number,)):
        yield from _unpacked(packed)


def _imports(index: sqlite3.Connection, number: int) -> list[Import]:
    rows = index.execute("SELECT module, names, line FROM imports WHERE file = ? ORDER BY place", (number,))
    return [Import(module, tuple(orjson.loads(names)), line) for module, names, line in rows]


def _telling(repository: Repository, blobs: Mapping[str, str]) -> dict[str, bytes]:
    """The files that say where modules begin, with their contents."""
    wanted = [path for path in blobs if tells_of_modules(path)][:_READ_FILES]
    return dict(zip(wanted, read_contents(repository, [blobs[path] for path in wanted]), strict=True))
