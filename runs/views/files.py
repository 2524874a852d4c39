"""What a run has changed: files, diff, summary."""

from typing import Any

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response

from accounts.permissions import UserRequest
from config.api.problems import InvalidParameter, NotFound
from config.api.renderers import JSONRenderer, Verbatim
from runs import telemetry_serializers as serializers
from runs.diffs import ENOUGH_BYTES, describe_diff, describe_file_diff, stats_of, sums_of
from runs.errors import ApprovalRequired
from runs.known_secrets import redactor_of, redactor_of_loaded
from runs.models import Run, RunAttempt, WorkspaceFile
from runs.queries import (
    accepted_changes,
    attempt_diff,
    attempt_diff_in_pieces,
    conflict_members,
    file_diff_in_pieces,
    has_large_files,
    is_large_file,
    latest_review,
)
from runs.redaction import Redactor
from runs.shapes import DiffSerializer
from runs.summary_shapes import SummarySerializer
from runs.views.base import RunDoor
from runs.views.whole_diffs import DiffRenderer, give_whole


class FileViewSet(RunDoor):
    """Files that an attempt has changed."""

    abilities = {"list": "projects:read", "retrieve": "projects:read"}
    query_parameters = {"list": ("attempt",), "retrieve": ("attempt",)}
    serializer_class = serializers.FileSerializer
    oldest_first = True

    def check_visible(self) -> None:
        super().check_visible()
        if "pk" in self.kwargs:
            _find_file(self.find_run(self.kwargs["run"]), self.kwargs["pk"])

    def get_renderers(self) -> list[BaseRenderer]:
        return [JSONRenderer(), DiffRenderer()] if self.action == "retrieve" else super().get_renderers()

    def list(self, request: UserRequest, run: str) -> Response:
        """The files that differ from the base commit."""
        attempt = self.find_attempt(self.find_run(run), request)
        files = WorkspaceFile.objects.none() if attempt is None else attempt.files.all()
        return self.get_paginated_response(serializers.FileSerializer(self.paginate_queryset(files), many=True).data)

    @extend_schema(
        responses={
            (200, "application/json"): serializers.FileDetailSerializer,
            (200, "text/x-diff"): OpenApiTypes.STR,
        }
    )
    def retrieve(self, request: UserRequest, run: str, pk: str) -> HttpResponseBase:
        """One file with its diff; `Accept: text/x-diff` gives every byte of that, to be applied by git."""
        found = self.find_run(run)
        file = _find_file(found, pk)
        if "attempt" in request.query_params and file.attempt.number != self.read_attempt(found, request):
            raise NotFound
        if isinstance(request.accepted_renderer, DiffRenderer):
            name = f"{file.old_blob}-{file.new_blob}-{file.attempt.tree}"
            return give_whole(request, file_diff_in_pieces(file), name)
        is_large = is_large_file(file)
        pieces = iter(()) if is_large else file_diff_in_pieces(file)
        context = describe_file_diff(file, pieces, redactor_of(found), is_in_part=is_large)
        return Response(serializers.FileDetailSerializer(file, context=context).data)


def _find_file(run: Run, pk: str) -> WorkspaceFile:
    """A changed file of any attempt of the run, else 404."""
    files = WorkspaceFile.objects.select_related("attempt__run__project")
    file: WorkspaceFile = get_object_or_404(files, attempt__run=run, pk=pk)
    return file


class DiffViewSet(RunDoor):
    """The aggregate diff and the summary."""

    abilities = {"diff": "projects:read", "summary": "projects:read"}
    query_parameters = {"diff": ("attempt", "accepted"), "summary": ("attempt",)}
    problems = {"diff": (ApprovalRequired,)}

    def get_renderers(self) -> list[BaseRenderer]:
        return [JSONRenderer(), DiffRenderer()] if self.action == "diff" else super().get_renderers()

    @extend_schema(responses={(200, "application/json"): DiffSerializer, (200, "text/x-diff"): OpenApiTypes.STR})
    def diff(self, request: UserRequest, run: str) -> HttpResponseBase:
        """The diff from base commit to tree, or to the accepted one; `Accept: text/x-diff` gives every byte of it."""
        found = self.find_run(run)
        attempt = self.find_attempt(found, request)
        tree = None if attempt is None else attempt.tree
        if _read_flag(request, "accepted"):
            tree = _accepted_tree(found, attempt)
        if isinstance(request.accepted_renderer, DiffRenderer):
            pieces = iter(()) if attempt is None else attempt_diff_in_pieces(attempt, tree)
            return give_whole(request, pieces, f"{attempt and attempt.base_commit}-{tree}")
        return Response(_shown(attempt, tree))

    @extend_schema(responses=SummarySerializer)
    def summary(self, request: UserRequest, run: str) -> Response:
        """What came of the run, once it is over."""
        attempt = self.find_attempt(self.find_run(run), request)
        if attempt is None or attempt.summary is None:
            raise NotFound("There is no summary yet: the run is not over.")
        values: dict[str, Any] = {"runId": int(run), "tree": attempt.tree, **attempt.summary}
        return Response(Verbatim(values))


def _read_flag(request: UserRequest, name: str) -> bool:
    """A query parameter that is `true` or `false`, the latter unless said."""
    text = request.query_params.get(name, "false")
    if text not in ("true", "false"):
        raise InvalidParameter(f"{name} is true or false.", parameter=name)
    return text == "true"


def _accepted_tree(run: Run, attempt: RunAttempt | None) -> str:
    review = None if attempt is None else latest_review(run, attempt.number)
    if review is None or review.approved_tree is None:
        raise ApprovalRequired("Nothing is approved.", **conflict_members(run))
    return review.approved_tree


def _shown(attempt: RunAttempt | None, tree: str | None) -> Any:
    if attempt is None:
        return describe_diff(b"", Redactor({}), tree=None, stats=stats_of(None))
    is_in_part = has_large_files(attempt)
    diff = attempt_diff(attempt, tree, enough_bytes=ENOUGH_BYTES, without_large=is_in_part)
    redactor = redactor_of_loaded(attempt, attempt.run)
    return describe_diff(diff, redactor, tree=tree, stats=_stats(attempt, tree), is_in_part=is_in_part)


def _stats(attempt: RunAttempt, tree: str | None) -> dict[str, int]:
    if tree is None or tree == attempt.tree:
        return stats_of(attempt)
    return sums_of(accepted_changes(attempt, tree))
