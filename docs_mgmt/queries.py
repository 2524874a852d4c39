"""Which documents are managed, and how they stand in a project's repository at its head commit."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from projects.git.files import TreeFile, list_files, read_blob
from projects.models import Project
from projects.workspaces import open_repository

MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class ManagedDoc:
    """A document that the server looks after: its name in the API, its title, its path in the repository."""

    slug: str
    title: str
    path: str


MANAGED = {
    doc.slug: doc
    for doc in (
        ManagedDoc("project-map", "Project map", "docs/PROJECT_MAP.md"),
        ManagedDoc("database-schema", "Database schema", "docs/DATABASE_SCHEMA.md"),
        ManagedDoc("architecture-diagrams", "Architecture diagrams", "docs/ARCHITECTURE_DIAGRAMS.md"),
        ManagedDoc("changelog-ai", "Changelog of the agents", "CHANGELOG_AI.md"),
    )
}


@dataclass(frozen=True)
class Document:
    """A managed document as it is in one commit of the repository.

    `last_updated_at` is that commit's time: when the document itself was changed last is not looked for, as that would
    mean reading the whole history. `stale` is None as long as nothing generates documents to compare it with.
    """

    doc: ManagedDoc
    commit: str
    last_updated_at: datetime
    file: TreeFile
    stale: bool | None = None


def find_documents(project: Project, wanted: Iterable[ManagedDoc]) -> list[Document]:
    """Those of the wanted documents that the head commit holds as ordinary files, in the order asked for."""
    repository, commit = open_repository(project), project.head_commit
    if not commit or not repository.path.is_dir():
        return []
    wanted = list(wanted)
    files = {file.path: file for file in list_files(repository, commit, [doc.path for doc in wanted])}
    if not files:
        return []
    at = repository.read_commit(commit).committed_at
    return [Document(doc, commit, at, files[doc.path]) for doc in wanted if doc.path in files]


def read_markdown(project: Project, document: Document) -> str:
    """The document's text; bytes that are no UTF-8 are replaced."""
    return read_blob(open_repository(project), document.file.blob).decode("utf-8", "replace")
