"""`/api/projects/{project}/mcp-servers`: tools that a project's agents are given. Owners manage, members look."""

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from accounts.permissions import UserRequest
from config.api.views import ApiViewSet
from projects.errors import McpServerNameTaken, McpServersFull, ProjectNotReady, RoleRequired
from projects.mcp_serializers import McpServerSerializer
from projects.mcp_servers import describe
from projects.models import McpServer, Membership, Project
from projects.permissions import require_role
from projects.services import mcp_servers
from settings_params.errors import SecretUnreadable

OWNER = Membership.Role.OWNER


class McpServerViewSet(ApiViewSet):
    """The MCP servers of one project, in the order in which they were added."""

    abilities = {
        "list": "projects:read",
        "retrieve": "projects:read",
        "create": "projects:write",
        "update": "projects:write",
        "destroy": "projects:write",
    }
    problems = {
        "create": (RoleRequired, McpServersFull, McpServerNameTaken, ProjectNotReady, SecretUnreadable),
        "update": (RoleRequired, McpServerNameTaken, ProjectNotReady, SecretUnreadable),
        "destroy": (RoleRequired, ProjectNotReady),
    }
    request: UserRequest
    serializer_class = McpServerSerializer
    queryset = McpServer.objects.none()
    oldest_first = True

    def get_queryset(self) -> QuerySet[McpServer]:
        project = get_object_or_404(Project.objects.visible_to(self.request.user), pk=self.kwargs["project"])
        return project.mcp_servers.select_related("project")

    def check_visible(self) -> None:
        if "pk" in self.kwargs:
            self._find(self.kwargs["pk"])
        else:
            self.get_queryset()

    def _find(self, pk: str) -> McpServer:
        server: McpServer = get_object_or_404(self.get_queryset(), pk=pk)
        return server

    def list(self, request: UserRequest, project: str) -> Response:
        """The servers, without the values of their variables and headers."""
        page = self.paginate_queryset(self.get_queryset())
        rows = [describe(server) for server in page or ()]
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    def retrieve(self, request: UserRequest, project: str, pk: str) -> Response:
        """One server, without the values of its variables and headers."""
        return Response(self.get_serializer(describe(self._find(pk))).data)

    @extend_schema(responses={201: McpServerSerializer})
    def create(self, request: UserRequest, project: str) -> Response:
        """Adds a server: runs whose agents start from now on are given it."""
        found: Project = get_object_or_404(Project.objects.visible_to(request.user), pk=project)
        require_role(found, request.user, OWNER)
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        server = mcp_servers.add_server(found, body.validated_data["server"], actor=request.user)
        headers = {"Location": f"/api/projects/{found.pk}/mcp-servers/{server.pk}"}
        shown = self.get_serializer(describe(server)).data
        return Response(shown, status=status.HTTP_201_CREATED, headers=headers)

    def update(self, request: UserRequest, project: str, pk: str) -> Response:
        """Changes a server; agents at work keep what they were given."""
        server = self._find(pk)
        require_role(server.project, request.user, OWNER)
        body = self.get_serializer(describe(server), data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        mcp_servers.change_server(server, body.validated_data["server"], actor=request.user)
        return Response(self.get_serializer(describe(server)).data)

    def destroy(self, request: UserRequest, project: str, pk: str) -> Response:
        """Removes a server."""
        server = self._find(pk)
        require_role(server.project, request.user, OWNER)
        mcp_servers.remove_server(server, actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
