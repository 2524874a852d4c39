"""What moves a run: start, pause, resume, cancel, retry, and comments for its agent."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.response import Response

from accounts.permissions import UserRequest
from projects.errors import DiskQuotaExceeded, ProjectNotReady, RoleRequired
from runs import errors
from runs.models import Run
from runs.serializers import CommentsSerializer, RunSerializer
from runs.services import comments, lifecycle, pausing
from runs.views.base import RunDoor
from runs.views.limits import group_of_message

QUEUED = status.HTTP_202_ACCEPTED
_COMMENTS = (
    *(RoleRequired, ProjectNotReady, DiskQuotaExceeded),
    *(errors.AgentNotEnabled, errors.RunNotMessageable, errors.WorkspaceBusy, errors.TreeChanged),
)


class SteeringViewSet(RunDoor):
    """The moves that people make with a run."""

    abilities = {
        "start": "runs:start",
        "pause": "runs:control",
        "resume": "runs:control",
        "cancel": "runs:control",
        "retry": "runs:control",
        "comments": "runs:start",
    }
    problems = {
        "start": (RoleRequired, ProjectNotReady, errors.AgentNotEnabled, errors.RunNotStartable, DiskQuotaExceeded),
        "pause": (RoleRequired, ProjectNotReady, errors.RunNotPausable),
        "resume": (RoleRequired, ProjectNotReady, errors.RunNotResumable),
        "cancel": (RoleRequired, ProjectNotReady, errors.RunNotCancellable),
        "retry": (RoleRequired, ProjectNotReady, errors.AgentNotEnabled, errors.RunNotRetryable, DiskQuotaExceeded),
        "comments": _COMMENTS,
    }

    limit_groups = {
        "start": "runs:start",
        "retry": "runs:start",
        "comments": group_of_message,
    }

    def _found(self, request: UserRequest, pk: str) -> Run:
        run = self.find_run(pk, to_change=True)
        self.refuse_body(request)
        return run

    @extend_schema(request=None, responses={202: RunSerializer})
    @action(detail=True, methods=["post"])
    def start(self, request: UserRequest, pk: str) -> Response:
        """Queues a draft."""
        run = self._found(request, pk)
        lifecycle.start_run(run, actor=request.user)
        return self.show(run, QUEUED)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def pause(self, request: UserRequest, pk: str) -> Response:
        """Holds a running run's agent still."""
        run = self._found(request, pk)
        pausing.pause_run(run, actor=request.user)
        return self.show(run)

    @extend_schema(request=None, responses={200: RunSerializer, 202: RunSerializer})
    @action(detail=True, methods=["post"])
    def resume(self, request: UserRequest, pk: str) -> Response:
        """Lets a paused run go on; queued (202) where its agent had been ended."""
        run = self._found(request, pk)
        is_going_on = pausing.resume_run(run, actor=request.user)
        return self.show(run, status.HTTP_200_OK if is_going_on else QUEUED)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def cancel(self, request: UserRequest, pk: str) -> Response:
        """Ends a run that is not over, for good."""
        run = self._found(request, pk)
        lifecycle.cancel_run(run, actor=request.user)
        return self.show(run)

    @extend_schema(request=None, responses={202: RunSerializer})
    @action(detail=True, methods=["post"])
    def retry(self, request: UserRequest, pk: str) -> Response:
        """Queues a failed run for a new attempt on a new branch."""
        run = self._found(request, pk)
        lifecycle.retry_run(run, actor=request.user)
        return self.show(run, QUEUED)

    @extend_schema(request=CommentsSerializer, responses={202: RunSerializer})
    @action(detail=True, methods=["post"])
    def comments(self, request: UserRequest, pk: str) -> Response:
        """Queues comments on lines of the changes for the agent, as one follow-up that quotes the lines."""
        run = self.find_run(pk, to_change=True)
        body = self.read_body(CommentsSerializer, request)
        given = [comments.Comment(**each) for each in body.pop("comments")]
        comments.send_comments(run, given, actor=request.user, **body)
        return self.show(run, QUEUED)
