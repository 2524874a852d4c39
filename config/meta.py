"""`GET /api/meta`: what this server is, for a client that has not signed in yet."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.urls import Resolver404, resolve
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.views import ApiViewSet

NAME = "Quarterdeck"
MIN_APP_VERSION = "1.0.0"
# Offered by the web server itself, beside the routes.
ALWAYS = ("compression", "etags", "event-stream", "idempotency-keys")
# A feature is offered when its route is there, so that no list goes stale.
ROUTES: Mapping[str, str] = {
    "attachments": "/api/attachments",
    "devices": "/api/devices",
    "docs": "/api/projects/0/docs",
    "elevation": "/api/auth/elevate",
    "follow-up-messages": "/api/runs/0/messages",
    "inbox": "/api/inbox",
    "mcp-servers": "/api/projects/0/mcp-servers",
    "members": "/api/projects/0/members",
    "pairing": "/api/auth/pair",
    "pause": "/api/runs/0/pause",
    "permissions": "/api/runs/0/permissions",
    "providers": "/api/settings/providers",
    "retry": "/api/runs/0/retry",
    "search": "/api/projects/0/search",
    "sessions": "/api/auth/tokens",
    "snapshot-restore": "/api/snapshots/0/restore",
    "snapshots": "/api/projects/0/snapshots",
}


class MetaSerializer(serializers.Serializer[Any]):
    """What this server is."""

    name = serializers.CharField()
    contract_version = serializers.CharField(help_text="Version of the API contract; the schema's `info.version`.")
    min_app_version = serializers.CharField(help_text="The oldest version of the app that works with this server.")
    server_time = serializers.DateTimeField()
    features = serializers.ListField(child=serializers.CharField(), help_text="Ignore names that you do not know.")


class MetaViewSet(ApiViewSet):
    """The one public resource."""

    serializer_class = MetaSerializer
    pagination_class = None

    @extend_schema(responses=MetaSerializer, auth=[])
    def retrieve(self, request: Request) -> Response:
        """Name, versions, the server's clock, and the names of what it offers."""
        answer = {
            "name": NAME,
            "contract_version": settings.SPECTACULAR_SETTINGS["VERSION"],
            "min_app_version": MIN_APP_VERSION,
            "server_time": timezone.now(),
            "features": sorted([*ALWAYS, *(name for name, path in ROUTES.items() if _is_route(path))]),
        }
        return Response(MetaSerializer(answer).data)


def _is_route(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True
