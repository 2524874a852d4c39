"""The problems of snapshots."""

from rest_framework import status

from config.api.problems import Problem


class _SnapshotConflict(Problem):
    """The work tree is not in a state for it."""

    status_code = status.HTTP_409_CONFLICT


class WorkTreeMissing(_SnapshotConflict):
    title = "There is no work tree"
    default_code = "work-tree-missing"


class WorkTreeNotRecordable(_SnapshotConflict):
    title = "The work tree cannot be recorded faithfully"
    default_code = "work-tree-not-recordable"


class WorkTreeNotRestorable(_SnapshotConflict):
    title = "The snapshot could not be restored"
    default_code = "work-tree-not-restorable"
