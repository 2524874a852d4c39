"""What documents are made of beside the files' text: the files, definitions and imports of a code index."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from docs_mgmt.generators.managed import MANAGED_PATHS
from docs_mgmt.generators.project_map import MapFile
from projects.code_index import open_index
from projects.errors import IndexNotReady
from projects.git.commits import SNAPSHOT_IDENTITY, commit_tree
from projects.indexing.reading import IndexReader, IndexUnreadable
from projects.indexing.shapes import FileLink, IndexedFile, Symbol
from projects.models import Project
from projects.services.commit_indexes import ensure_index
from projects.workspaces import open_repository

FILES_AT_ONCE = 400
LINK_CHARACTERS = 256 << 20
"""Of the paths of files and of those that they import. The largest projects have less; all of it is held in memory."""
INDEX_SECONDS = 120.0
"""A run waits so long for the index of its work tree; most take less than one."""


class CodeNotIndexed(Exception):
    """There is no index to read; the text says so to a person."""


@dataclass(frozen=True)
class IndexedCode:
    """The files of one commit, without the managed documents: what is written into them must not follow from them.

    So the files are without their ranks, which these documents have a part in, and without times.
    """

    commit: str
    files: Sequence[IndexedFile]
    map_files: Sequence[MapFile]
    links: Sequence[FileLink]


def read_code(project: Project) -> IndexedCode:
    """What the project's present index says, of whatever commit it is. Raises CodeNotIndexed."""
    try:
        with open_index(project) as reader:
            return code_of(reader)
    except (IndexNotReady, IndexUnreadable) as error:
        raise CodeNotIndexed("The project's code is not indexed yet: its documents follow as soon as it is.") from error


def code_of(reader: IndexReader) -> IndexedCode:
    """What an open index says. Raises IndexUnreadable."""
    found = (file for file in reader.files() if file.path not in MANAGED_PATHS)
    files = [replace(file, page_rank=0.0, last_changed_at=None) for file in found]
    found_links = reader.links(path_characters=LINK_CHARACTERS)
    links = [link for link in found_links if not {link.source, link.target} & MANAGED_PATHS]
    used_by = Counter(link.target for link in links)
    return IndexedCode(reader.commit, files, list(_map_files(reader, files, used_by)), links)


def _map_files(reader: IndexReader, files: Sequence[IndexedFile], used_by: Counter[str]) -> Iterator[MapFile]:
    rest = iter(files)
    while batch := list(islice(rest, FILES_AT_ONCE)):
        symbols = reader.symbols([file.path for file in batch])
        for file in batch:
            names = _names(symbols[file.path])
            yield MapFile(file.path, file.language, file.kind, file.lines, file.purpose, names, used_by[file.path])


def _names(symbols: Sequence[Symbol]) -> tuple[str, ...]:
    """What a file defines at its top, each name once: what it does before what it is set to, and its own names last."""
    top = sorted((each for each in symbols if each.parent is None), key=_is_minor)
    return tuple(dict.fromkeys(symbol.name for symbol in top))


def _is_minor(symbol: Symbol) -> tuple[bool, bool]:
    return symbol.name.startswith("_"), symbol.kind == "constant"


def read_code_of_tree(project: Project, tree: str, *, base_commit: str) -> IndexedCode:
    """What an index of a work tree's present content says, made upon the project's. Raises GitError, CodeNotIndexed.

    The commit that is made for it is named by nothing: it is the same for the same tree, and is collected in time.
    """
    repository = open_repository(project)
    commit = commit_tree(
        repository,
        tree=tree,
        parents=[base_commit],
        author=SNAPSHOT_IDENTITY,
        committer=SNAPSHOT_IDENTITY,
        message="The work tree, to be indexed.",
        at=repository.read_commit(base_commit).committed_at,
    )
    reader = ensure_index(project, commit, time_limit_seconds=INDEX_SECONDS)
    if reader is None:
        raise CodeNotIndexed(f"Its files could not be indexed within {INDEX_SECONDS:.0f} seconds.")
    with reader:
        return code_of(reader)
