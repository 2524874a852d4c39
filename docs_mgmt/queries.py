"""How a project's managed documents stand: what was generated, what the repository holds, how the two differ."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from docs_mgmt.generators.managed import MANAGED, ManagedDoc
from docs_mgmt.models import DocsState, GeneratedDocument
from projects.git.files import TreeFile, list_files, read_blob
from projects.models import Project
from projects.workspaces import open_repository


@dataclass(frozen=True)
class Document:
    """A managed document as it is shown: the generated one where there is one, else the repository's own.

    `origin` is generated or repository, None where there is neither. `commit` is what it was made of, or read at;
    `last_updated_at` when the generated one became as it is, or that commit's time: when the repository's own was
    changed last is not looked for, as that would mean reading the whole history. `stale`: the head commit's own file
    is not the generated one, or that one is of another commit; None where nothing was generated. `problem` is why
    nothing was.
    """

    doc: ManagedDoc
    origin: str | None = None
    commit: str | None = None
    last_updated_at: datetime | None = None
    stale: bool | None = None
    problem: Any = None
    file: TreeFile | None = None


def find_documents(project: Project, wanted: Iterable[ManagedDoc] = MANAGED.values()) -> list[Document]:
    """All of the wanted documents, in the order asked for."""
    wanted = list(wanted)
    state = DocsState.objects.filter(pk=project.pk).first()
    rows = GeneratedDocument.objects.filter(project=project).only("slug", "blob", "problem", "changed_at")
    generated = {row.slug: row for row in rows}
    files, committed_at = _files_of(project, wanted)
    return [
        _document(doc, project, state, generated.get(doc.slug), files.get(doc.path), committed_at) for doc in wanted
    ]


def _files_of(project: Project, wanted: list[ManagedDoc]) -> tuple[dict[str, TreeFile], datetime | None]:
    """The documents that the head commit holds as ordinary files, and its time."""
    repository, commit = open_repository(project), project.head_commit
    if not commit or not repository.path.is_dir():
        return {}, None
    files = {file.path: file for file in list_files(repository, commit, [doc.path for doc in wanted])}
    return files, repository.read_commit(commit).committed_at if files else None


def _document(
    doc: ManagedDoc,
    project: Project,
    state: DocsState | None,
    row: GeneratedDocument | None,
    file: TreeFile | None,
    committed_at: datetime | None,
) -> Document:
    problem = None if row is None else row.problem
    if state is not None and row is not None and row.blob:
        stale = file is None or file.blob != row.blob or state.commit != project.head_commit
        return Document(doc, "generated", state.commit, row.changed_at, stale, problem, file)
    if file is not None:
        return Document(doc, "repository", project.head_commit, committed_at, None, problem, file)
    return Document(doc, problem=problem)


def read_markdown(project: Project, document: Document) -> str:
    """The text of a document that there is; bytes that are no UTF-8 are replaced."""
    if document.origin == "generated":
        row = GeneratedDocument.objects.filter(project=project, slug=document.doc.slug).first()
        content = b"" if row is None or row.content is None else bytes(row.content)
    else:
        content = b"" if document.file is None else read_blob(open_repository(project), document.file.blob)
    return content.decode("utf-8", "replace")


def generated_part(project: Project, slug: str) -> tuple[DocsState | None, GeneratedDocument | None]:
    """What was generated for one document, with its text and facts, and how far the project's are: of one moment."""
    rows = GeneratedDocument.objects.filter(project=project, slug=slug).defer("content")
    row = rows.select_related("project__docs_state").first()
    if row is None:
        return DocsState.objects.filter(pk=project.pk).first(), None
    return row.project.docs_state, row


def schema_at(project: Project, commit: str) -> Mapping[str, Any] | None:
    """The database schema as it was read of that very commit, as its JSON; None where another or none was."""
    state, row = generated_part(project, "database-schema")
    return row.facts if state is not None and row is not None and state.commit == commit else None
