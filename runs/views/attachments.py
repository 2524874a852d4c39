"""`/api/attachments`: files for an agent, uploaded as they are; a run's prompt or a message then names them."""

from typing import Any

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.parsers import BaseParser
from rest_framework.response import Response

from accounts.permissions import UserRequest
from config.api.problems import InvalidParameter, ValidationFailed
from config.api.views import ApiViewSet
from runs.attachment_serializers import AttachedSerializer, AttachmentSerializer
from runs.blobs import sign_attachment
from runs.errors import AttachmentInUse, AttachmentsFull
from runs.models import Attachment
from runs.models.attachment import AttachmentQuerySet
from runs.services import attachments

NAME = "name"
_MAX_CLAIM = 500


class AnyBodyParser(BaseParser):
    """The body as it is, whatever it claims to be."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream.read()


class AttachmentViewSet(ApiViewSet):
    """One's own uploads that are not used yet, and the attachments of the runs that one may see."""

    abilities = {"create": "runs:start", "retrieve": "projects:read", "destroy": "runs:start"}
    problems = {"create": (AttachmentsFull,), "destroy": (AttachmentInUse,)}
    query_parameters = {"create": (NAME,)}
    outside_transaction = frozenset({"create"})
    request: UserRequest
    serializer_class = AttachmentSerializer
    queryset = Attachment.objects.none()

    def get_queryset(self) -> AttachmentQuerySet:
        return Attachment.objects.visible_to(self.request.user)

    def get_parsers(self) -> list[BaseParser]:
        """An upload is no JSON."""
        return [AnyBodyParser()] if self.action_map == {"post": "create"} else list(super().get_parsers())

    @extend_schema(request={"application/octet-stream": OpenApiTypes.BINARY}, responses={201: AttachedSerializer})
    def create(self, request: UserRequest) -> Response:
        """Keeps the body as a file of that name for a day; its type is what its bytes say."""
        name = request.query_params.get(NAME, "")
        if not 0 < len(name) <= _MAX_CLAIM:
            raise InvalidParameter(f"name says how the file is called, in {_MAX_CLAIM} characters.", parameter=NAME)
        data: Any = request.data
        if not isinstance(data, bytes) or not data:  # DRF has a mapping for no body
            detail = "The body is the file, and it is empty."
            raise ValidationFailed(errors=[{"pointer": "", "code": "blank", "detail": detail}])
        kept = attachments.keep_attachment(name, data, actor=request.user)
        headers = {"Location": f"/api/attachments/{kept.pk}"}
        return Response(AttachedSerializer(kept.facts).data, status=status.HTTP_201_CREATED, headers=headers)

    def retrieve(self, request: UserRequest, pk: str) -> Response:
        """One attachment, with a signed address of its content."""
        found: Attachment = self.get_object()
        content = request.build_absolute_uri(reverse("blob", args=[sign_attachment(request.user, found)]))
        shown = {**found.facts, "run_id": found.run_id, "content_url": content}
        return Response(AttachmentSerializer(shown).data, headers={"Cache-Control": "no-store"})

    def destroy(self, request: UserRequest, pk: str) -> Response:
        """Deletes one that no prompt or message has."""
        attachments.delete_attachment(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)
