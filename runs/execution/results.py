"""What a run leaves behind: its documents, its files, its tree, its last snapshot, its summary."""

from docs_mgmt.generators.generating import GeneratingStopped
from docs_mgmt.services.updating import update_documents
from projects.leases import Lease
from projects.workspaces import open_work_tree
from runs.events import LeaseLost
from runs.execution.errors import RunInterrupted
from runs.execution.patience import patiently_here
from runs.execution.summary import summarize
from runs.models import RunAttempt
from runs.services.recording import close_lost_commands, record_present_files
from snapshots.models import Snapshot
from snapshots.services.taking import take_run_snapshot


def record_results(attempt: RunAttempt, lease: Lease, outcome: str) -> None:
    """Files, the `after_run` snapshot and the summary, after the agent's end. LeaseLost when the run is not ours."""
    workspace = attempt.workspace
    if workspace is None:
        return
    if not patiently_here(lease.held().exists):
        raise LeaseLost(attempt.run_id)
    patiently_here(close_lost_commands, attempt.run)
    if outcome == "completed":
        _update_documents(attempt, lease)
    patiently_here(record_present_files, attempt, lease, open_work_tree(workspace))
    patiently_here(take_run_snapshot, attempt, Snapshot.Kind.AFTER_RUN, lease)
    attempt.summary = patiently_here(summarize, attempt, outcome)
    patiently_here(attempt.save, update_fields=["summary"])


def _update_documents(attempt: RunAttempt, lease: Lease) -> None:
    try:
        patiently_here(update_documents, attempt, lease, lambda: summarize(attempt, "completed"))
    except GeneratingStopped:
        raise RunInterrupted("stopping") from None
