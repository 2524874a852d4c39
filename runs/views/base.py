"""What the doors of runs share: finding a run that the caller may see, and showing one."""

from typing import Any

from rest_framework import status
from rest_framework.permissions import SAFE_METHODS
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.permissions import UserRequest
from config.api.problems import InvalidParameter, NotFound
from config.api.serializers import represent
from config.api.views import ApiViewSet
from projects.models import Membership
from projects.permissions import require_role
from runs.known_secrets import with_sealed
from runs.models import Run, RunAttempt, RunQuerySet
from runs.queries import find_visible
from runs.serializers import RunSerializer
from runs.summaries import describe

MAINTAINER = Membership.Role.MAINTAINER


class RunDoor(ApiViewSet):
    """A door to one run or to something of it."""

    lookup_value_regex = r"\d{1,18}"
    request: UserRequest
    queryset = Run.objects.none()
    serializer_class: type[BaseSerializer[Any]] = RunSerializer

    def visible_runs(self) -> RunQuerySet:
        """Runs that the caller may see."""
        return Run.objects.visible_to(self.request.user)

    def check_visible(self) -> None:
        if (pk := self.kwargs.get("run") or self.kwargs.get("pk")) is not None:
            self.find_run(pk)

    def find_run(self, pk: str, *, to_change: bool = False) -> Run:
        """The run, else 404; to change it the role maintainer is needed, else 403."""
        run = find_visible(int(pk), self.request.user)
        if run is None:
            raise NotFound
        if to_change:
            require_role(run.project, self.request.user, MAINTAINER)
        return run

    def read_body(self, kind: type[Any], request: UserRequest, **context: Any) -> dict[str, Any]:
        """The validated body."""
        body = kind(data=request.data, context={**self.get_serializer_context(), **context})
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        return data

    def show(self, run: Run, status_code: int = status.HTTP_200_OK, **options: Any) -> Response:
        """The run as it is now."""
        if self.request.method not in SAFE_METHODS:
            run.refresh_from_db()
        describe([run])
        return Response(represent(RunSerializer, run), status=status_code, **options)

    def read_attempt(self, run: Run, request: UserRequest) -> int:
        """The number that `?attempt=` gives, else that of the latest attempt."""
        text = request.query_params.get("attempt", str(run.attempt))
        if not (text.isascii() and text.isdigit() and 0 < len(text) < 7):
            raise InvalidParameter("attempt is the number of an attempt.", parameter="attempt")
        return int(text)

    def find_attempt(self, run: Run, request: UserRequest) -> RunAttempt | None:
        """The attempt that `?attempt=` names, else the latest; None before there is one."""
        attempts = with_sealed(run.attempts.select_related("workspace__project", "run__project"), "run__project")
        return attempts.filter(number=self.read_attempt(run, request)).first()
