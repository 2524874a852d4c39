"""What a run leaves behind: its files, its tree, its last snapshot, its summary."""

from typing import Any

from django.utils import timezone

from config.api.times import format_time
from projects.leases import Lease
from projects.workspaces import open_work_tree
from runs.events import LeaseLost
from runs.known_secrets import redactor_of
from runs.models import Run, RunAttempt
from runs.services.recording import close_lost_commands, record_present_files
from snapshots.models import Snapshot
from snapshots.services.taking import take_run_snapshot


def record_results(attempt: RunAttempt, lease: Lease, outcome: str) -> None:
    """Files, the `after_run` snapshot and the summary, after the agent's end. LeaseLost when the run is not ours."""
    workspace = attempt.workspace
    if workspace is None:
        return
    if not lease.held().exists():
        raise LeaseLost(attempt.run_id)
    close_lost_commands(attempt.run)
    record_present_files(attempt, lease, open_work_tree(workspace))
    take_run_snapshot(attempt, Snapshot.Kind.AFTER_RUN, lease)
    attempt.summary = redactor_of(attempt.run).value(_summary(attempt, outcome))
    attempt.save(update_fields=["summary"])


def _summary(attempt: RunAttempt, outcome: str) -> dict[str, Any]:
    files = list(attempt.files.order_by("path"))
    commands = attempt.run.commands.filter(attempt=attempt.number)
    total, failed = commands.count(), commands.filter(exit_code__gt=0).count()
    added, deleted = sum(file.additions for file in files), sum(file.deletions for file in files)
    changed = [
        {
            "path": file.path,
            "changeType": file.change_type,
            "additions": file.additions,
            "deletions": file.deletions,
        }
        for file in files
    ]
    return {
        "outcome": outcome,
        "overview": f"{len(files)} files changed, {added} lines added, {deleted} deleted; {total} commands.",
        "changedFiles": changed,
        "risks": _risks(attempt.run, failed),
        "tests": [],
        "docs": [],
        "commands": {"total": total, "failed": failed},
        "usage": _usage(attempt),
        "generatedAt": format_time(timezone.now()),
    }


def _risks(run: Run, failed_commands: int) -> list[str]:
    risks = [f"{failed_commands} commands ended with an error."] if failed_commands else []
    return risks + ([] if run.safe_mode else ["The agent worked without asking (safe mode off)."])


def _usage(attempt: RunAttempt) -> dict[str, Any]:
    """Tokens and cost of the attempt."""
    return {
        "inputTokens": attempt.input_tokens,
        "outputTokens": attempt.output_tokens,
        "cachedTokens": attempt.cached_tokens,
        "costUsd": float(attempt.cost_usd),
    }
