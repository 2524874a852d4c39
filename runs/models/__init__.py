"""The tables of runs. Django finds an app's models in this one place; each is at home in a file of its own kind."""

from runs.models.attachment import Attachment
from runs.models.ledger import ModelCall
from runs.models.review import Permission, RunReview
from runs.models.run import Run, RunAttempt, RunCount, RunFacts, RunMessage, RunQuerySet
from runs.models.telemetry import USER_STREAM_TYPES, AgentEvent, CommandExecution, WorkspaceFile
from runs.models.worker import WorkerProcess

__all__ = [
    "USER_STREAM_TYPES",
    "AgentEvent",
    "Attachment",
    "CommandExecution",
    "ModelCall",
    "Permission",
    "Run",
    "RunAttempt",
    "RunCount",
    "RunFacts",
    "RunMessage",
    "RunQuerySet",
    "RunReview",
    "WorkerProcess",
    "WorkspaceFile",
]
