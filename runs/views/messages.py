"""Follow-ups for a run's agent: sent, looked at, withdrawn."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from accounts.permissions import UserRequest
from projects.errors import DiskQuotaExceeded, ProjectNotReady, RoleRequired
from runs import errors
from runs.models import RunMessage
from runs.serializers import MessageRowSerializer, MessageSerializer, RunSerializer
from runs.services import messages
from runs.views.base import RunDoor
from runs.views.limits import group_of_message


class MessageViewSet(RunDoor):
    """The messages of one run."""

    abilities = {"list": "projects:read", "messages": "runs:start", "destroy": "runs:start"}
    problems = {
        "messages": (
            *(RoleRequired, ProjectNotReady, DiskQuotaExceeded),
            *(errors.AgentNotEnabled, errors.RunNotMessageable, errors.WorkspaceBusy),
        ),
        "destroy": (RoleRequired, ProjectNotReady, errors.MessageNotWithdrawable),
    }
    limit_groups = {"messages": group_of_message}
    serializer_class = MessageRowSerializer
    oldest_first = True

    def check_visible(self) -> None:
        super().check_visible()
        if "pk" in self.kwargs:
            self._find_message(self.kwargs["run"], self.kwargs["pk"])

    def _find_message(self, run: str, pk: str) -> RunMessage:
        message: RunMessage = get_object_or_404(self.find_run(run).messages.all(), pk=pk)
        return message

    def list(self, request: UserRequest, run: str) -> Response:
        """The messages, oldest first, with what has become of each."""
        page = self.paginate_queryset(self.find_run(run).messages.select_related("created_by"))
        return self.get_paginated_response(MessageRowSerializer(page, many=True).data)

    @extend_schema(request=MessageSerializer, responses={202: RunSerializer})
    def messages(self, request: UserRequest, run: str) -> Response:
        """Queues a follow-up for the agent; a completed run is queued again and goes on in the same session."""
        found = self.find_run(run, to_change=True)
        body = self.read_body(MessageSerializer, request)
        ids = body.get("attachment_ids", ())
        messages.send_message(found, body["text"], actor=request.user, attachment_ids=ids)
        return self.show(found, status.HTTP_202_ACCEPTED)

    def destroy(self, request: UserRequest, run: str, pk: str) -> Response:
        """Withdraws a message that the agent has not been given."""
        found = self.find_run(run, to_change=True)
        messages.withdraw_message(found, self._find_message(run, pk), actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
