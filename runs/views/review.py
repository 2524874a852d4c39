"""Review of a run: approve, reject, commit; and the answers to what its agent asks."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.response import Response

from accounts.permissions import UserRequest, require_ability
from projects.errors import ProjectNotReady, RoleRequired
from projects.permissions import require_role
from runs import errors, serializers, shapes
from runs.filters import PermissionFilterSet
from runs.models import Permission, RunReview
from runs.services import budgets, reviews
from runs.services.parts import Part
from runs.views.base import MAINTAINER, RunDoor

Decision = RunReview.Decision
_REVIEW = (RoleRequired, ProjectNotReady, errors.RunNotReviewable, errors.WorkspaceBusy, errors.TreeChanged)
_COMMIT = (
    *(*_REVIEW, errors.ApprovalRequired, errors.ApprovalStale),
    *(errors.NothingToCommit, errors.SigningNotPossible),
)


class ReviewViewSet(RunDoor):
    """What people decide about a run."""

    abilities = {"approve": "runs:control", "reject": "runs:control", "commit": "git:commit"}
    problems = {
        "approve": (
            *_REVIEW,
            errors.ApprovalRequired,
            errors.ApprovalStale,
            errors.NothingToCommit,
            errors.SigningNotPossible,
        ),
        "reject": _REVIEW,
        "commit": (
            *_REVIEW,
            errors.ApprovalRequired,
            errors.ApprovalStale,
            errors.NothingToCommit,
            errors.SigningNotPossible,
        ),
    }
    outside_transaction = frozenset({"approve", "reject", "commit"})

    @extend_schema(request=serializers.ApproveSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: UserRequest, pk: str) -> Response:
        """Approves the present tree, or all of it but the rejected parts, and commits that when asked to."""
        run = self.find_run(pk, to_change=True)
        body = self.read_body(serializers.ApproveSerializer, request)
        body["rejected"] = [Part(part["path"], part.get("hunks")) for part in body["rejected"]]
        if body["commit"]:
            require_ability(request, "git:commit")
        reviews.review_run(run, Decision.APPROVED, actor=request.user, **body)
        return self.show(run)

    @extend_schema(request=serializers.ReviewSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: UserRequest, pk: str) -> Response:
        """Rejects the present tree."""
        run = self.find_run(pk, to_change=True)
        body = self.read_body(serializers.ReviewSerializer, request)
        reviews.review_run(run, Decision.REJECTED, actor=request.user, **body)
        return self.show(run)

    @extend_schema(request=serializers.CommitSerializer)
    @action(detail=True, methods=["post"])
    def commit(self, request: UserRequest, pk: str) -> Response:
        """Commits the approved tree on the run branch."""
        run = self.find_run(pk, to_change=True)
        reviews.commit_run(run, actor=request.user, **self.read_body(serializers.CommitSerializer, request))
        return self.show(run)


class ReviewHistoryViewSet(RunDoor):
    """Every review that a run was given."""

    abilities = {"list": "projects:read"}
    query_parameters = {"list": ("attempt",)}
    serializer_class = shapes.ReviewRowSerializer

    def list(self, request: UserRequest, run: str) -> Response:
        """The reviews, newest first; of all attempts unless `?attempt=` names one."""
        found = self.find_run(run)
        rows = found.reviews.select_related("reviewer")
        if "attempt" in request.query_params:
            rows = rows.filter(attempt=self.read_attempt(found, request))
        return self.get_paginated_response(shapes.ReviewRowSerializer(self.paginate_queryset(rows), many=True).data)


class PermissionViewSet(RunDoor):
    """What a run's agent asks leave for."""

    abilities = {"list": "projects:read", "decide": "runs:control"}
    problems = {"decide": (RoleRequired, ProjectNotReady, errors.PermissionResolved)}
    filterset_class = PermissionFilterSet
    serializer_class = serializers.PermissionSerializer

    def check_visible(self) -> None:
        super().check_visible()
        if "pk" in self.kwargs:
            self._find_permission(self.kwargs["run"], self.kwargs["pk"])

    def _find_permission(self, run: str, pk: str) -> Permission:
        questions = self.find_run(run).permissions.select_related("run__project")
        permission: Permission = get_object_or_404(questions, pk=pk)
        return permission

    def list(self, request: UserRequest, run: str) -> Response:
        """The questions, newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.find_run(run).permissions.all()))
        return self.get_paginated_response(serializers.PermissionSerializer(page, many=True).data)

    @extend_schema(request=serializers.DecisionSerializer)
    def decide(self, request: UserRequest, run: str, pk: str) -> Response:
        """Answers a question; the first answer counts."""
        permission = self._find_permission(run, pk)
        require_role(permission.run.project, request.user, MAINTAINER)
        body = self.read_body(serializers.DecisionSerializer, request, permission=permission)
        budgets.answer(permission, body["option_id"], actor=request.user)
        return Response(serializers.PermissionSerializer(permission).data, status=status.HTTP_200_OK)
