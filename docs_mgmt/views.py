"""`/api/projects/{project}/docs…`, `…/changelog`, `…/schema` and `…/diagrams`: what is told of a project's code."""

from collections.abc import Sequence

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response

from accounts.permissions import UserRequest
from config.api.pagination import make_cursor, page_of, read_cursor, read_limit
from config.api.renderers import JSONRenderer, MarkdownRenderer
from config.api.serializers import represent
from config.api.views import ApiViewSet
from docs_mgmt import serializers
from docs_mgmt.changelog_pages import find_changelog, page_after, read_entries
from docs_mgmt.errors import DocsNotGenerated, DocsNotReady, DocsTooLarge
from docs_mgmt.generators.blocks import MAX_BYTES
from docs_mgmt.generators.changelog import Entry
from docs_mgmt.generators.managed import ARCHITECTURE_DIAGRAMS, DATABASE_SCHEMA, MANAGED
from docs_mgmt.models import DocsState, GeneratedDocument
from docs_mgmt.queries import Document, find_documents, generated_part, read_markdown
from docs_mgmt.schema_serializers import DatabaseSchemaSerializer
from docs_mgmt.services.queueing import request_docs
from projects.errors import ProjectNotReady, RoleRequired
from projects.models import Membership, Project, ProjectQuerySet
from projects.permissions import require_role
from projects.queries import describe
from projects.serializers import ProjectSerializer


class DocViewSet(ApiViewSet):
    """The managed documents of a project."""

    abilities = {
        "list": "projects:read",
        "retrieve": "projects:read",
        "changelog": "projects:read",
        "regenerate": "projects:write",
    }
    problems = {
        "retrieve": (DocsNotGenerated, DocsTooLarge),
        "changelog": (DocsTooLarge,),
        "regenerate": (RoleRequired, ProjectNotReady),
    }
    request: UserRequest
    paged = frozenset({"list", "changelog"})
    queryset = Project.objects.none()
    serializer_class = serializers.DocumentSerializer

    def get_renderers(self) -> list[BaseRenderer]:
        return [JSONRenderer(), MarkdownRenderer()] if self.action == "retrieve" else super().get_renderers()

    def get_queryset(self) -> ProjectQuerySet:
        return Project.objects.visible_to(self.request.user)

    def check_visible(self) -> None:
        super().check_visible()
        if self.kwargs.get("slug", next(iter(MANAGED))) not in MANAGED:
            raise Http404

    def list(self, request: UserRequest, pk: str) -> Response:
        """All four, whether or not they were generated or the repository holds them at the project's head commit."""
        found = find_documents(self.get_object())
        return page_of(request, [serializers.DocumentSerializer(document).data for document in found])

    @extend_schema(
        responses={
            (200, "application/json"): serializers.DocumentDetailSerializer,
            (200, "text/markdown"): OpenApiTypes.STR,
        }
    )
    def retrieve(self, request: UserRequest, pk: str, slug: str) -> Response:
        """One document, as JSON or as the bare markdown: the generated one, else the repository's own."""
        found = self.get_object()
        document = _find_document(found, slug)
        markdown = read_markdown(found, document)
        if isinstance(request.accepted_renderer, MarkdownRenderer):
            return Response(markdown, headers={"X-Content-Type-Options": "nosniff"})
        return Response(serializers.DocumentDetailSerializer(document, context={"markdown": markdown}).data)

    @extend_schema(responses=serializers.ChangelogEntrySerializer(many=True))
    def changelog(self, request: UserRequest, pk: str) -> Response:
        """What runs have written into CHANGELOG_AI.md, newest first, as it is at the head commit."""
        limit, cursor = read_limit(request), read_cursor(request)
        place = None if cursor is None else tuple(cursor)
        entries, following = page_after(_changelog_entries(self.get_object()), place, limit)
        next_cursor = None if following is None else make_cursor(request, *following)
        rows = serializers.ChangelogEntrySerializer(entries, many=True).data
        return Response({"data": rows, "meta": {"next_cursor": next_cursor}})

    @extend_schema(request=None, responses={202: ProjectSerializer})
    @action(detail=True, methods=["post"])
    def regenerate(self, request: UserRequest, pk: str) -> Response:
        """Writes all auto-blocks anew, of the indexed commit; what is queued or under way already is this."""
        found = self.get_object()
        require_role(found, request.user, Membership.Role.MAINTAINER)
        self.refuse_body(request)
        request_docs(found, actor=request.user)
        describe(request.user, [found])
        return Response(represent(ProjectSerializer, found), status=status.HTTP_202_ACCEPTED)


class GeneratedViewSet(ApiViewSet):
    """What was read from a project's code together with its documents."""

    abilities = {"database_schema": "projects:read", "diagrams": "projects:read"}
    problems = dict.fromkeys(("database_schema", "diagrams"), (DocsNotReady,))
    request: UserRequest
    paged = frozenset()
    queryset = Project.objects.none()
    serializer_class = DatabaseSchemaSerializer

    def get_renderers(self) -> list[BaseRenderer]:
        return [JSONRenderer(), MarkdownRenderer()] if self.action == "diagrams" else super().get_renderers()

    def get_queryset(self) -> ProjectQuerySet:
        return Project.objects.visible_to(self.request.user)

    @extend_schema(responses=DatabaseSchemaSerializer)
    def database_schema(self, request: UserRequest, pk: str) -> Response:
        """The database schema that the code declares, of the commit that it names."""
        state, row = _generated(self.get_object(), DATABASE_SCHEMA.slug)
        return Response({**row.facts, "commit": state.commit, "generated_at": state.generated_at})

    @extend_schema(
        responses={
            (200, "application/json"): serializers.DiagramsSerializer,
            (200, "text/markdown"): OpenApiTypes.STR,
        }
    )
    def diagrams(self, request: UserRequest, pk: str) -> Response:
        """Diagrams of the architecture, as JSON or as the bare markdown."""
        state, row = _generated(self.get_object(), ARCHITECTURE_DIAGRAMS.slug)
        if isinstance(request.accepted_renderer, MarkdownRenderer):
            return Response(row.text, headers={"X-Content-Type-Options": "nosniff"})
        return Response({"markdown": row.text, "commit": state.commit, "generated_at": state.generated_at})


def _generated(project: Project, slug: str) -> tuple[DocsState, GeneratedDocument]:
    """What was generated; 409 `docs-not-ready` says how far it is where there is nothing yet."""
    state, row = generated_part(project, slug)
    if state is not None and row is not None and (row.text or row.facts):
        return state, row
    raise DocsNotReady(
        _why_not(state, row),
        docs_status=project.docs["status"],
        index_status=project.index["status"],
        **project.error_members,
    )


def _why_not(state: DocsState | None, row: GeneratedDocument | None) -> str:
    if row is not None and row.problem:
        return f"{row.problem['message']} Correct that, or ask for the documents again."
    if state is not None and state.is_under_way:
        return "The code is just being read: ask again in a moment."
    if state is not None and state.error:
        return f"{state.error['message']} Then ask for the documents again."
    return "Nothing was generated yet: it follows when the code is indexed, or ask for the documents."


def _find_document(project: Project, slug: str) -> Document:
    """The document at the head commit; 404 for a slug that there is not, 409 where the repository lacks the file."""
    if slug not in MANAGED:
        raise Http404
    doc = MANAGED[slug]
    members = {"slug": slug, "path": doc.path, **project.error_members}
    document = find_documents(project, [doc])[0]
    if document.origin is None:
        reason = f"{document.problem['message']} " if document.problem else ""
        raise DocsNotGenerated(f"{reason}There is no {doc.path}: ask for the documents, or commit one.", **members)
    if document.origin == "repository" and document.file is not None and document.file.size_bytes > MAX_BYTES:
        raise DocsTooLarge(f"{doc.path} has more than {MAX_BYTES} bytes: shorten it.", **members)
    return document


def _changelog_entries(project: Project) -> Sequence[Entry]:
    """All entries at the head commit, newest first; none where there is no changelog, 409 where it is too large."""
    file = find_changelog(project)
    if file is None:
        return ()
    if file.size_bytes > MAX_BYTES:
        members = {"slug": "changelog-ai", "path": file.path, **project.error_members}
        raise DocsTooLarge(f"{file.path} has more than {MAX_BYTES} bytes: move its old entries elsewhere.", **members)
    return read_entries(project, file)
