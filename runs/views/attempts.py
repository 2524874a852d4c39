"""A run's attempts beside each other: what came of each."""

from rest_framework.response import Response

from accounts.permissions import UserRequest
from runs.shapes import AttemptSerializer
from runs.views.base import RunDoor


class AttemptViewSet(RunDoor):
    """The tries at a run's prompt."""

    abilities = {"list": "projects:read"}
    serializer_class = AttemptSerializer
    oldest_first = True

    def list(self, request: UserRequest, run: str) -> Response:
        """The attempts, oldest first. `files`, `diff` and `summary` of one: by `?attempt=`."""
        page = self.paginate_queryset(self.find_run(run).attempts.all())
        return self.get_paginated_response(AttemptSerializer(page, many=True).data)
