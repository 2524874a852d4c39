"""A push, and what it would do."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.response import Response

from accounts.permissions import UserRequest
from projects.errors import ProjectNotReady, RoleRequired
from projects.git.changes import FileChange, display_path
from projects.services.lifecycle import require_writable
from runs import errors, serializers, shapes
from runs.diffs import sums_of
from runs.queries import conflict_members, current_attempt
from runs.services import publishing
from runs.services.previews import Preview, preview_push
from runs.views.base import RunDoor

MAX_FILES = 500


class PushViewSet(RunDoor):
    """The way of a run's commit to the remote."""

    abilities = {"push": "git:push", "push_preview": "projects:read"}
    problems = {
        "push": (
            *(RoleRequired, ProjectNotReady, errors.RunNotReviewable, errors.WorkspaceBusy, errors.PushDisabled),
            *(errors.ApprovalRequired, errors.ApprovalStale, errors.NothingToCommit),
            *(errors.RemoteBranchMoved, errors.SecretsFound),
        ),
        "push_preview": (RoleRequired, ProjectNotReady, errors.NothingToCommit),
    }
    outside_transaction = frozenset({"push"})

    @extend_schema(request=serializers.PushSerializer, responses={202: serializers.RunSerializer})
    @action(detail=True, methods=["post"])
    def push(self, request: UserRequest, pk: str) -> Response:
        """Queues the push of the run branch."""
        run = self.find_run(pk, to_change=True)
        body = self.read_body(serializers.PushSerializer, request)
        publishing.push_run(run, actor=request.user, acknowledged=frozenset(body["acknowledge_secrets"]))
        return self.show(run, status.HTTP_202_ACCEPTED)

    @extend_schema(responses=shapes.PushPreviewSerializer)
    def push_preview(self, request: UserRequest, pk: str) -> Response:
        """What a push would do: asks the remote and looks for secrets, which may take some seconds."""
        run = self.find_run(pk, to_change=True)
        require_writable(run.project)
        attempt = current_attempt(run)
        if attempt is None:
            raise errors.NothingToCommit("The run has not begun.", **conflict_members(run))
        return Response(_describe(preview_push(attempt)))


def _describe(preview: Preview) -> dict[str, Any]:
    attempt, outgoing, files = preview.attempt, preview.outgoing, preview.files
    return {
        "run_id": attempt.run_id,
        "allowed": preview.is_allowed,
        "remote": attempt.run.project.repository_url,
        "branch": attempt.branch,
        "commit": attempt.commit,
        "remote_commit": preview.remote.commit,
        "remote_error": preview.remote.error,
        "moved": outgoing.is_moved,
        "compared_with": preview.compared_with,
        "ahead": outgoing.ahead,
        "behind": outgoing.behind,
        "commits": [
            {
                "commit": each.sha,
                "subject": each.subject,
                "author": each.author.name,
                "committed_at": each.committed_at,
            }
            for each in outgoing.commits
        ],
        "stats": sums_of(files),
        "files": [_describe_file(file) for file in files[:MAX_FILES]],
        "left_out": [_describe_file(file) for file in preview.left_out[:MAX_FILES]],
        "secrets": [publishing.describe_finding(each) for each in preview.findings],
        "scan_complete": preview.scan.is_complete,
        "scanned_bytes": preview.scan.scanned_bytes,
    }


def _describe_file(file: FileChange) -> dict[str, Any]:
    return {
        "path": file.display_path,
        "old_path": None if file.old_path is None else display_path(file.old_path),
        "change_type": file.change_type,
        "additions": file.additions,
        "deletions": file.deletions,
        "binary": file.is_binary,
        "size_bytes": file.size_bytes,
    }
