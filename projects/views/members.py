"""`/api/projects/{project}/members`: who works in a project. Owners manage, members look, anybody may leave."""

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from accounts.permissions import UserRequest
from config.api.views import ApiViewSet
from projects.errors import AlreadyMember, LastOwner, ProjectNotReady, RoleRequired
from projects.models import Membership, Project
from projects.permissions import require_role
from projects.serializers import MemberSerializer
from projects.services import members

OWNER = Membership.Role.OWNER


class MemberViewSet(ApiViewSet):
    """Members of one project, in the order in which they joined."""

    abilities = {
        "list": "projects:read",
        "create": "projects:write",
        "update": "projects:write",
        "destroy": "projects:write",
    }
    problems = {
        "create": (RoleRequired, AlreadyMember, ProjectNotReady),
        "update": (RoleRequired, LastOwner, ProjectNotReady),
        "destroy": (RoleRequired, LastOwner, ProjectNotReady),
    }
    request: UserRequest
    serializer_class = MemberSerializer
    queryset = Membership.objects.none()
    oldest_first = True

    def get_queryset(self) -> QuerySet[Membership]:
        project = get_object_or_404(Project.objects.visible_to(self.request.user), pk=self.kwargs["project"])
        return project.memberships.select_related("user", "project")

    def check_visible(self) -> None:
        if "user" in self.kwargs:
            self._find_member(self.kwargs["user"])
        else:
            self.get_queryset()

    def _find_member(self, user: str) -> Membership:
        membership: Membership = get_object_or_404(self.get_queryset(), user=user)
        return membership

    def list(self, request: UserRequest, project: str) -> Response:
        """The members with their roles."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(responses={201: MemberSerializer})
    def create(self, request: UserRequest, project: str) -> Response:
        """Makes somebody who has an account here a member, by email."""
        found: Project = get_object_or_404(Project.objects.visible_to(request.user), pk=project)
        require_role(found, request.user, OWNER)
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        person = body.validated_data["user"]["email"]
        membership = members.add_member(found, person, body.validated_data["role"], actor=request.user)
        headers = {"Location": f"/api/projects/{found.pk}/members/{person.pk}"}
        return Response(self.get_serializer(membership).data, status=status.HTTP_201_CREATED, headers=headers)

    def update(self, request: UserRequest, project: str, user: str) -> Response:
        """Gives a member another role."""
        membership = self._find_member(user)
        require_role(membership.project, request.user, OWNER)
        body = self.get_serializer(membership, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        members.change_role(membership, body.validated_data.get("role", membership.role), actor=request.user)
        return Response(self.get_serializer(membership).data)

    def destroy(self, request: UserRequest, project: str, user: str) -> Response:
        """Ends a membership; members may end their own."""
        membership = self._find_member(user)
        if membership.user_id != request.user.pk:
            require_role(membership.project, request.user, OWNER)
        members.remove_member(membership, actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
