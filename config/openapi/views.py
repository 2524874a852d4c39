"""`GET /api/schema`, the document itself, and `GET /api/docs`, a page to read it on. Both are public."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.methods import require_safe
from config.api.views import ApiViewSet
from config.openapi.schema import ApiGenerator

_OBJECT = {"type": "object", "additionalProperties": True}


@cache
def document() -> dict[str, Any]:
    """The document. It is the same for everybody and for as long as the process lives."""
    made: dict[str, Any] = ApiGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


class SchemaViewSet(ApiViewSet):
    """The OpenAPI document: JSON unless YAML is asked for."""

    pagination_class = None
    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer2, OpenApiYamlRenderer]

    @extend_schema(
        operation_id="schema",
        responses={
            (200, "application/json", "application/vnd.oai.openapi+json"): _OBJECT,
            (200, "application/yaml", "application/vnd.oai.openapi"): _OBJECT,
        },
        auth=[],
    )
    def retrieve(self, request: Request) -> Response:
        """This document, OpenAPI 3.1."""
        return Response(document())


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The document on a page of Swagger UI, from this server's own files."""
    return render(request, "api_docs.html", {"title": settings.SPECTACULAR_SETTINGS["TITLE"]})
