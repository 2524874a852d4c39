"""`/api/projects/{project}/credential`: the login at a private remote. Owners set and see that it is there; no more."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from accounts.permissions import UserRequest
from config.api.views import ApiViewSet
from projects.credential_serializers import CredentialSerializer, ShownCredentialSerializer, require_kind_for
from projects.errors import DiskQuotaExceeded, ProjectNotReady, RoleRequired
from projects.models import Membership, Project, ProjectCredential
from projects.permissions import require_role
from projects.queries import describe_credential
from projects.services import lifecycle
from settings_params.errors import SecretUnreadable


class CredentialViewSet(ApiViewSet):
    """The login of one project: an HTTPS token or an SSH key, encrypted at rest, never given out."""

    abilities = {"retrieve": "projects:read", "update": "projects:write", "destroy": "projects:write"}
    problems = {
        "retrieve": (RoleRequired,),
        "update": (RoleRequired, ProjectNotReady, DiskQuotaExceeded, SecretUnreadable),
        "destroy": (RoleRequired, ProjectNotReady),
    }
    request: UserRequest
    serializer_class = CredentialSerializer
    queryset = ProjectCredential.objects.none()

    def _find_project(self, project: str) -> Project:
        found: Project = get_object_or_404(Project.objects.visible_to(self.request.user), pk=project)
        require_role(found, self.request.user, Membership.Role.OWNER)
        return found

    def check_visible(self) -> None:
        get_object_or_404(Project.objects.visible_to(self.request.user), pk=self.kwargs["project"])

    @extend_schema(responses=ShownCredentialSerializer)
    def retrieve(self, request: UserRequest, project: str) -> Response:
        """Whether there is one, and which."""
        return Response(ShownCredentialSerializer(describe_credential(self._find_project(project))).data)

    @extend_schema(request=CredentialSerializer, responses=ShownCredentialSerializer)
    def update(self, request: UserRequest, project: str) -> Response:
        """Sets the login; a project in `error` is then cloned again."""
        found = self._find_project(project)
        body = self.get_serializer(describe_credential(found), data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data["credential"]
        require_kind_for(found.repository_url, given.kind)
        lifecycle.set_credential(found, given, actor=request.user)
        return Response(ShownCredentialSerializer(describe_credential(found)).data)

    def destroy(self, request: UserRequest, project: str) -> Response:
        """Forgets the login."""
        lifecycle.remove_credential(self._find_project(project), actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
