"""The problems of runs."""

from rest_framework import status

from config.api.problems import Problem


class _RunConflict(Problem):
    """The run's status does not allow it."""

    status_code = status.HTTP_409_CONFLICT


class EventsExpired(Problem):
    """`first_event_id` is that of the oldest event that is kept, None where none is."""

    status_code = status.HTTP_410_GONE
    title = "Events are no longer kept"
    default_code = "events-expired"


class RunNotStartable(_RunConflict):
    title = "Run is not in a startable state"
    default_code = "run-not-startable"


class RunNotCancellable(_RunConflict):
    title = "Run is over already"
    default_code = "run-not-cancellable"


class RunNotPausable(_RunConflict):
    title = "Only a running run can be paused"
    default_code = "run-not-pausable"


class RunNotResumable(_RunConflict):
    title = "Only a paused run can be resumed"
    default_code = "run-not-resumable"


class RunNotRetryable(_RunConflict):
    title = "Only a failed run can be tried again"
    default_code = "run-not-retryable"


class RunNotMessageable(_RunConflict):
    title = "The run takes no messages now"
    default_code = "run-not-messageable"


class MessageNotWithdrawable(_RunConflict):
    """`message_status` says what has become of it."""

    title = "The message cannot be withdrawn any more"
    default_code = "message-not-withdrawable"


class RunNotReviewable(_RunConflict):
    title = "Run cannot be reviewed now"
    default_code = "run-not-reviewable"


class RunNotEditable(_RunConflict):
    title = "Only a draft can be edited or deleted"
    default_code = "run-not-editable"


class RunMoveLost(_RunConflict):
    """A move of the server's own that came too late: the run had been moved by somebody else."""

    title = "Run has moved on"
    default_code = "run-moved-on"


class ApprovalRequired(_RunConflict):
    title = "An approved review is needed first"
    default_code = "approval-required"


class AgentNotEnabled(_RunConflict):
    title = "The run's agent is not enabled any more"
    default_code = "agent-not-enabled"


class ApprovalStale(_RunConflict):
    title = "The work tree has changed since the approval"
    default_code = "approval-stale"


class TreeChanged(_RunConflict):
    title = "The work tree is not the one that was shown"
    default_code = "tree-changed"


class NothingToCommit(_RunConflict):
    title = "There is nothing to commit or push"
    default_code = "nothing-to-commit"


class RemoteBranchMoved(_RunConflict):
    title = "The remote branch has other commits"
    default_code = "remote-moved"


class SecretsFound(_RunConflict):
    title = "The push would publish what looks like secrets"
    default_code = "secrets-found"


class SigningNotPossible(_RunConflict):
    title = "The commit cannot be signed"
    default_code = "signing-failed"


class AttachmentsFull(Problem):
    title = "You have as many unused attachments as you may have"
    status_code = status.HTTP_409_CONFLICT
    default_code = "attachments-full"


class AttachmentInUse(Problem):
    title = "The attachment belongs to a prompt or message"
    status_code = status.HTTP_409_CONFLICT
    default_code = "attachment-in-use"


class WorkspaceBusy(_RunConflict):
    title = "Something is at work in this work tree"
    default_code = "workspace-busy"


class PermissionResolved(_RunConflict):
    title = "The permission request has been answered already"
    default_code = "permission-resolved"


class PushDisabled(Problem):
    title = "This server does not push"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "push-disabled"
    default_detail = "An operator must set the server param safety.auto_git_push to true."


class TaskNotFailed(Problem):
    title = "Task has not failed"
    status_code = status.HTTP_409_CONFLICT
    default_code = "task-not-failed"
