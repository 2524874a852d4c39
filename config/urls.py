"""All routes of the site."""

from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path, register_converter

from accounts.permissions import IsPublic
from accounts.views import AuthViewSet, SessionViewSet
from config import error_pages, health
from config.api.converters import IdConverter
from config.api.views import ApiViewSet
from config.meta import MetaViewSet
from config.metrics import MetricsViewSet
from config.openapi import views as openapi_views
from devices.views import DeviceViewSet
from docs_mgmt.views import DocViewSet, GeneratedViewSet
from projects.views.credentials import CredentialViewSet
from projects.views.index import IndexViewSet
from projects.views.mcp_servers import McpServerViewSet
from projects.views.members import MemberViewSet
from projects.views.projects import ProjectViewSet
from runs.filters import RunFilterSet
from runs.views.attachments import AttachmentViewSet
from runs.views.attempts import AttemptViewSet
from runs.views.blobs import blob
from runs.views.catch_up import CatchUpViewSet
from runs.views.files import DiffViewSet, FileViewSet
from runs.views.messages import MessageViewSet
from runs.views.pushes import PushViewSet
from runs.views.review import PermissionViewSet, ReviewHistoryViewSet, ReviewViewSet
from runs.views.runs import RunViewSet
from runs.views.steering import SteeringViewSet
from runs.views.telemetry import CommandViewSet, EventViewSet
from settings_params.views import ProviderViewSet, ServerParamViewSet
from snapshots.views import SnapshotViewSet

register_converter(IdConverter, "id")

Actions = dict[str, Any]

handler400 = "config.api.exceptions.bad_request"
handler403 = "config.api.exceptions.forbidden"
handler404 = "config.api.exceptions.not_found"
handler500 = "config.api.exceptions.server_error"

COLLECTION: Actions = {"get": "list", "post": "create"}
ITEM: Actions = {"get": "retrieve", "put": "update", "delete": "destroy"}
UPDATE_OR_DELETE: Actions = {"put": "update", "delete": "destroy"}
LIST: Actions = {"get": "list"}
DETAIL: Actions = {"get": "retrieve"}
INDEX = {"map": "map", "search": "search"}
GENERATED = {"schema": "database_schema", "diagrams": "diagrams"}
PUBLIC: dict[str, Any] = {"authentication_classes": [], "permission_classes": [IsPublic]}


def _actions(prefix: str, door: type[ApiViewSet], *names: str) -> list[URLPattern]:
    """POST routes named after the door's methods."""
    return [path(f"{prefix}/{name}", door.as_view({"post": name})) for name in names]


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", MetricsViewSet.as_view({"get": "show"})),
    path("errors", error_pages.index),
    path("errors/<slug:code>", error_pages.page),
    path("admin/", admin.site.urls),
    path("api/meta", MetaViewSet.as_view(DETAIL, **PUBLIC)),
    path("api/schema", openapi_views.SchemaViewSet.as_view(DETAIL, **PUBLIC)),
    path("api/docs", openapi_views.docs),
    path("api/auth/token", AuthViewSet.as_view({"post": "token"}, **PUBLIC)),
    *_actions("api/auth", AuthViewSet, "elevate", "logout"),
    path("api/auth/tokens", SessionViewSet.as_view(LIST)),
    path("api/auth/tokens/<id:pk>", SessionViewSet.as_view({"delete": "destroy"})),
    path("api/auth/me", AuthViewSet.as_view({"get": "me"})),
    path("api/devices", DeviceViewSet.as_view(COLLECTION)),
    path("api/devices/<id:pk>", DeviceViewSet.as_view({"delete": "destroy"})),
    path("api/projects", ProjectViewSet.as_view(COLLECTION)),
    path("api/projects/<id:pk>", ProjectViewSet.as_view(ITEM)),
    *_actions("api/projects/<id:pk>", ProjectViewSet, "clone", "pull"),
    path("api/projects/<id:pk>/index-rag", IndexViewSet.as_view({"post": "index_rag"})),
    *_actions("api/projects/<id:pk>/index-rag", IndexViewSet, "cancel"),
    *(path(f"api/projects/<id:pk>/{name}", IndexViewSet.as_view({"get": act})) for name, act in INDEX.items()),
    *(path(f"api/projects/<id:pk>/{name}", GeneratedViewSet.as_view({"get": act})) for name, act in GENERATED.items()),
    path("api/projects/<id:project>/credential", CredentialViewSet.as_view(ITEM)),
    path("api/projects/<id:project>/members", MemberViewSet.as_view(COLLECTION)),
    path("api/projects/<id:project>/members/<id:user>", MemberViewSet.as_view(UPDATE_OR_DELETE)),
    path("api/projects/<id:project>/mcp-servers", McpServerViewSet.as_view(COLLECTION)),
    path("api/projects/<id:project>/mcp-servers/<id:pk>", McpServerViewSet.as_view(ITEM)),
    path("api/projects/<id:project>/runs", RunViewSet.as_view(LIST, filterset_class=RunFilterSet)),
    path("api/projects/<id:project>/snapshots", SnapshotViewSet.as_view(COLLECTION)),
    path("api/projects/<id:pk>/docs", DocViewSet.as_view(LIST)),
    path("api/projects/<id:pk>/docs/regenerate", DocViewSet.as_view({"post": "regenerate"})),
    path("api/projects/<id:pk>/docs/<slug:slug>", DocViewSet.as_view(DETAIL)),
    path("api/projects/<id:pk>/changelog", DocViewSet.as_view({"get": "changelog"})),
    path("api/attachments", AttachmentViewSet.as_view({"post": "create"})),
    path("api/attachments/<id:pk>", AttachmentViewSet.as_view({"get": "retrieve", "delete": "destroy"})),
    path("api/runs", RunViewSet.as_view(COLLECTION)),
    path("api/runs/<id:pk>", RunViewSet.as_view(ITEM)),
    *_actions("api/runs/<id:pk>", SteeringViewSet, "start", "pause", "resume", "cancel", "retry", "comments"),
    path("api/runs/<id:run>/messages", MessageViewSet.as_view({"get": "list", "post": "messages"})),
    path("api/runs/<id:run>/messages/<id:pk>", MessageViewSet.as_view({"delete": "destroy"})),
    *_actions("api/runs/<id:pk>", ReviewViewSet, "approve", "reject", "commit"),
    *_actions("api/runs/<id:pk>", PushViewSet, "push"),
    path("api/runs/<id:pk>/push-preview", PushViewSet.as_view({"get": "push_preview"})),
    path("api/runs/<id:run>/attempts", AttemptViewSet.as_view(LIST)),
    path("api/runs/<id:run>/catch-up", CatchUpViewSet.as_view({"get": "catch_up"})),
    path("api/runs/<id:run>/events", EventViewSet.as_view(LIST)),
    path("api/runs/<id:run>/files", FileViewSet.as_view(LIST)),
    path("api/runs/<id:run>/files/<id:pk>", FileViewSet.as_view(DETAIL)),
    path("api/runs/<id:run>/diff", DiffViewSet.as_view({"get": "diff"})),
    path("api/runs/<id:run>/summary", DiffViewSet.as_view({"get": "summary"})),
    path("api/runs/<id:run>/commands", CommandViewSet.as_view(LIST)),
    path("api/runs/<id:run>/commands/<id:pk>", CommandViewSet.as_view(DETAIL)),
    path("api/runs/<id:run>/reviews", ReviewHistoryViewSet.as_view(LIST)),
    path("api/runs/<id:run>/permissions", PermissionViewSet.as_view(LIST)),
    path("api/runs/<id:run>/permissions/<id:pk>", PermissionViewSet.as_view({"post": "decide"})),
    path("api/runs/<id:run>/snapshots", SnapshotViewSet.as_view(LIST)),
    path("api/snapshots/<id:pk>", SnapshotViewSet.as_view(DETAIL)),
    *_actions("api/snapshots/<id:pk>", SnapshotViewSet, "restore", "compare"),
    path("api/blobs/<str:signature>", blob, name="blob"),
    path("api/settings/server-params", ServerParamViewSet.as_view({"get": "list", "put": "update"})),
    path("api/settings/providers", ProviderViewSet.as_view(LIST)),
    path("api/settings/providers/<str:key>", ProviderViewSet.as_view({"put": "update"})),
]
