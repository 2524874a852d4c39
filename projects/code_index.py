"""Opens the index of a project's code, and finds passages in it with their text, which is read from the repository."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from projects.errors import IndexNotReady
from projects.git.errors import GitError
from projects.git.repository import Repository
from projects.index_models import ProjectIndex
from projects.indexing.contents import read_contents
from projects.indexing.reading import IndexReader, IndexUnreadable
from projects.indexing.search import FoundChunk, FoundFile
from projects.models import Project
from projects.workspaces import open_repository

SNIPPET_CHARACTERS = 4000


@dataclass(frozen=True)
class FoundPassage:
    """A passage with what it says; `snippet` may be cut at its end."""

    chunk: FoundChunk
    snippet: str


@dataclass(frozen=True)
class FoundText:
    """A file that was found, why in words, and its best passages."""

    file: FoundFile
    why: str
    passages: tuple[FoundPassage, ...]


def open_index(project: Project) -> IndexReader:
    """The index that serves. Close it. Raises IndexNotReady where there is none."""
    for _ in range(2):  # a newer one may have taken its place, and it may be gone, just as it is opened
        row = ProjectIndex.objects.filter(project=project).first()
        if row is None or not row.file_name:
            break
        try:
            return IndexReader(project.indexes_path / row.file_name)
        except IndexUnreadable:
            continue
    raise index_not_ready(project)


@contextmanager
def readable(project: Project) -> Iterator[None]:
    """Raises IndexNotReady where what is read in the body turns out to be damaged."""
    try:
        yield
    except IndexUnreadable:
        raise index_not_ready(project) from None


def index_not_ready(project: Project) -> IndexNotReady:
    """409: there is no index that could be read."""
    return IndexNotReady(index_status=project.index["status"], **project.error_members)


def read_passages(project: Project, files: Sequence[FoundFile]) -> list[FoundText]:
    """The files with the text of their passages, as it was at the index's commit."""
    return [_text(file, content) for file, content in zip(files, _contents(project, files), strict=True)]


def _contents(project: Project, files: Sequence[FoundFile]) -> list[bytes]:
    """Each file's content; nothing where the repository has it no more, as after a forced push and a clean-up."""
    repository = open_repository(project)
    try:
        return list(read_contents(repository, [file.blob for file in files]))
    except GitError:
        return [_content(repository, file.blob) for file in files]


def _content(repository: Repository, blob: str) -> bytes:
    try:
        return next(read_contents(repository, [blob]))
    except GitError:
        return b""


def _text(file: FoundFile, content: bytes) -> FoundText:
    lines = content.decode("utf-8", "replace").split("\n")
    passages = tuple(
        FoundPassage(chunk, "\n".join(lines[chunk.start_line - 1 : chunk.end_line])[:SNIPPET_CHARACTERS])
        for chunk in file.chunks
    )
    return FoundText(file, _why(file, passages), passages)


def _why(file: FoundFile, passages: Sequence[FoundPassage]) -> str:
    """In words, what of the query is where in the file."""
    symbols = " ".join(passage.chunk.symbol or "" for passage in passages).lower()
    text = " ".join(passage.snippet for passage in passages).lower()
    left, reasons = list(file.terms), [f"defines {', '.join(file.defines)}"] if file.defines else []
    if file.is_named:
        reasons.append("its path")
    for place, where in (("path", file.path.lower()), ("symbol", symbols), ("text", text)):
        here = [term for term in left if term.stem in where]
        left = [term for term in left if term not in here]
        if here:
            reasons.append(f"{place}: {', '.join(term.word for term in here)}")
    if file.in_history:
        reasons.append("its commits say so")
    return "; ".join(reasons) or "its text"
