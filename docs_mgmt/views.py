"""`/api/projects/{project}/docs…` and `…/changelog`: documents as they are in the repository."""

from collections.abc import Sequence

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response

from accounts.permissions import UserRequest
from config.api.pagination import make_cursor, page_of, read_cursor, read_limit
from config.api.renderers import JSONRenderer, MarkdownRenderer
from config.api.views import ApiViewSet
from docs_mgmt import serializers
from docs_mgmt.changelog_pages import find_changelog, page_after, read_entries
from docs_mgmt.errors import DocsNotAvailable, DocsNotGenerated, DocsTooLarge
from docs_mgmt.generators.changelog import Entry
from docs_mgmt.queries import MANAGED, MAX_BYTES, Document, find_documents, read_markdown
from projects.errors import ProjectNotReady, RoleRequired
from projects.models import Membership, Project, ProjectQuerySet
from projects.permissions import require_role
from projects.serializers import ProjectSerializer
from projects.services.lifecycle import require_writable


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
        "regenerate": (RoleRequired, ProjectNotReady, DocsNotAvailable),
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
        """Those that the repository holds at the project's head commit."""
        found = find_documents(self.get_object(), MANAGED.values())
        return page_of(request, [serializers.DocumentSerializer(document).data for document in found])

    @extend_schema(
        responses={
            (200, "application/json"): serializers.DocumentDetailSerializer,
            (200, "text/markdown"): OpenApiTypes.STR,
        }
    )
    def retrieve(self, request: UserRequest, pk: str, slug: str) -> Response:
        """One document, as JSON or as the bare markdown."""
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
        """Writes all auto-blocks anew."""
        found = self.get_object()
        require_role(found, request.user, Membership.Role.MAINTAINER)
        self.refuse_body(request)
        require_writable(found)
        raise DocsNotAvailable(docs_status=found.docs["status"], **found.error_members)


def _find_document(project: Project, slug: str) -> Document:
    """The document at the head commit; 404 for a slug that there is not, 409 where the repository lacks the file."""
    if slug not in MANAGED:
        raise Http404
    doc = MANAGED[slug]
    members = {"slug": slug, "path": doc.path, **project.error_members}
    document = next(iter(find_documents(project, [doc])), None)
    if document is None:
        raise DocsNotGenerated(f"There is no {doc.path} in the repository: commit one.", **members)
    if document.file.size_bytes > MAX_BYTES:
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
