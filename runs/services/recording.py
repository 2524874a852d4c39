"""Writes down what an agent does: its commands, the files it changed. Rows and their events commit together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from django.utils import timezone

from config.one_commit import one_commit
from projects.git.changes import FileChange, changed_files, display_path
from projects.git.trees import write_review_tree
from projects.git.work_tree import WorkTree
from projects.leases import Lease
from runs.events import Draft, LeaseLost, append
from runs.known_secrets import redactor_of
from runs.models import CommandExecution, Run, RunAttempt, WorkspaceFile
from runs.services import outputs
from runs.services.outputs import KeptOutput
from runs.storable import storable

Status = CommandExecution.Status
BATCH_ROWS = 200
MAX_COMMAND_CHARACTERS = 200_000
_TELLING = ("new_blob", "new_mode", "change_type", "old_path")
_COLUMNS = (*_TELLING, "additions", "deletions", "binary", "size_bytes", "old_blob", "old_mode")


@dataclass(frozen=True)
class CommandStart:
    """A command has begun."""

    tool_call_id: str
    command: str
    cwd: str
    phase: str = CommandExecution.Phase.AGENT


@dataclass(frozen=True)
class CommandProgress:
    """More output of a command, bounded; `left_out_bytes` came before the text, and are in the kept output only."""

    tool_call_id: str
    stream: str
    text: str
    left_out_bytes: int = 0


@dataclass(frozen=True)
class CommandEnd:
    """A command has ended. The outputs are open files, stored as blobs before the rows are written.

    `left_out_bytes` of a stream came after what its file has: they count as put out, and are not kept.
    """

    tool_call_id: str
    exit_code: int | None
    has_failed: bool
    outputs: Mapping[str, BinaryIO] = field(default_factory=dict)
    reason: str = ""
    left_out_bytes: Mapping[Any, int] = field(default_factory=dict)


Entry = Draft | CommandStart | CommandProgress | CommandEnd


def record(run: Run, lease: Lease, entries: Sequence[Entry]) -> None:
    """Writes entries in order, in one transaction; LeaseLost when the run is somebody else's by now.

    After any error nothing was written, and it may be tried again; but for OutcomeUnknown (`config.one_commit`).
    """
    ended = {str(n): entry.outputs for n, entry in enumerate(entries) if isinstance(entry, CommandEnd)}
    with outputs.kept(run, ended) as kept, one_commit():
        commands = _Commands(run)
        drafts = [_draft(commands, entry, kept.get(str(n), {})) for n, entry in enumerate(entries)]
        append(run, drafts, lease=lease)


class _Commands:
    """The commands that a batch is about, each read once."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._known: dict[str, CommandExecution] = {}

    def add(self, **fields: Any) -> CommandExecution:
        """A new one; from now on its name means this one."""
        made = CommandExecution.objects.create(run=self.run, attempt=self.run.attempt, **fields)
        self._known[made.tool_call_id] = made
        return made

    def named(self, tool_call_id: str) -> CommandExecution:
        """The command that the agent calls so; one that it never announced is written down now."""
        key = _key(tool_call_id)
        if key not in self._known:
            rows = self.run.commands.filter(attempt=self.run.attempt, tool_call_id=key)
            found = rows.order_by("-id").first()
            self._known[key] = found or self.add(tool_call_id=key, command="", started_at=timezone.now())
        return self._known[key]


def _draft(commands: _Commands, entry: Entry, kept: Mapping[str, KeptOutput]) -> Draft:
    if isinstance(entry, Draft):
        return entry
    if isinstance(entry, CommandStart):
        return _start(commands, entry)
    command = commands.named(entry.tool_call_id)
    if isinstance(entry, CommandEnd):
        return _end(command, entry, kept)
    data: dict[str, Any] = {
        "commandId": command.pk,
        "phase": command.phase,
        "stream": entry.stream,
        "text": entry.text,
    }
    if entry.left_out_bytes:
        data["leftOutBytes"] = entry.left_out_bytes
    return Draft("command_output", "", "debug", data=data)


def _key(tool_call_id: str) -> str:
    """The agent's name for a call as the column holds it."""
    return str(storable(tool_call_id))[:200]


def _start(commands: _Commands, entry: CommandStart) -> Draft:
    command = commands.add(
        tool_call_id=_key(entry.tool_call_id),
        phase=entry.phase,
        command=storable(entry.command[:MAX_COMMAND_CHARACTERS]),
        cwd=storable(entry.cwd[:4096]),
        started_at=timezone.now(),
    )
    data = {"commandId": command.pk, "phase": entry.phase, "command": entry.command[:4000], "cwd": command.cwd}
    return Draft("command_started", entry.command.strip()[:200], data=data)


def restart_clock(run: Run, tool_call_id: str) -> None:
    """A command that had to wait for leave begins now, not when it was announced."""
    key = _key(redactor_of(run).text(tool_call_id))
    announced = run.commands.filter(attempt=run.attempt, tool_call_id=key, status=Status.RUNNING)
    announced.update(started_at=timezone.now())


def _end(command: CommandExecution, entry: CommandEnd, kept: Mapping[str, KeptOutput]) -> Draft:
    command.status = Status.FAILED if entry.has_failed and entry.exit_code is None else Status.FINISHED
    command.exit_code = entry.exit_code
    command.duration_ms = round((timezone.now() - command.started_at).total_seconds() * 1000)
    for stream, output in kept.items():
        setattr(command, stream, output.name)
        setattr(command, f"{stream}_bytes", output.size_bytes + entry.left_out_bytes.get(stream, 0))
        setattr(command, f"{stream}_kept_bytes", output.kept_bytes)
    command.save()
    data = {
        "commandId": command.pk,
        "phase": command.phase,
        "status": command.status,
        "exitCode": entry.exit_code,
        "durationMs": command.duration_ms,
        "stdoutBytes": command.stdout_bytes,
        "stderrBytes": command.stderr_bytes,
        "stdoutTruncated": command.stdout_truncated,
        "stderrTruncated": command.stderr_truncated,
    }
    ending = entry.reason or (f"exit code {entry.exit_code}" if entry.exit_code is not None else command.status)
    severity = "info" if entry.exit_code == 0 else "warning"
    return Draft("command_finished", f"{command.command.strip()[:200]}: {ending}", severity, data=data)


def close_lost_commands(run: Run) -> None:
    """Commands that were running when their agent died: how they ended is not known."""
    run.commands.filter(status=Status.RUNNING).update(status=Status.LOST)


def record_present_files(attempt: RunAttempt, lease: Lease | None, work_tree: WorkTree) -> str:
    """Writes down which files differ from the base commit now, and gives the tree. No agent may be moving in there.

    Without a lease the run is at rest and it is a person who looks.
    """
    tree = write_review_tree(work_tree)
    if attempt.pruned_at is not None:  # a restore has made the tree anew
        RunAttempt.objects.filter(pk=attempt.pk).update(pruned_at=None)
    if tree != attempt.tree:
        record_files(attempt, lease, tree, changed_files(work_tree.repository, attempt.base_commit, tree))
    return tree


def record_files(attempt: RunAttempt, lease: Lease | None, tree: str, changes: Sequence[FileChange]) -> None:
    """Makes the attempt's files those of this tree, with an event for each that is not as it was last time."""
    with one_commit():
        _write_files(attempt, lease, tree, changes)
    attempt.tree = tree  # not before: what was rolled back is to be written by the next look


def _write_files(attempt: RunAttempt, lease: Lease | None, tree: str, changes: Sequence[FileChange]) -> None:
    if lease is not None and not lease.held().exists():
        raise LeaseLost(attempt.run_id)
    former = list(attempt.files.all())
    known = {row.path: row for row in former}
    rows = [_file_row(attempt, change) for change in changes]
    present = {row.path for row in rows}
    drafts = [_file_draft(known.get(row.path), row) for row in rows if not _is_same(known.get(row.path), row)]
    gone = sorted(set(known) - present - {row.old_path for row in rows})
    drafts += [_back_draft(known[path]) for path in gone]
    _replace_rows(former, known, rows)
    RunAttempt.objects.filter(pk=attempt.pk).update(tree=tree)
    append(attempt.run, drafts, lease=lease)


def _replace_rows(
    former: Sequence[WorkspaceFile], known: Mapping[str, WorkspaceFile], rows: Sequence[WorkspaceFile]
) -> None:
    """A file keeps its id for as long as it differs from the base commit, so that whoever looks at it finds it again.

    Names that are no text may look alike: of those only the last one does.
    """
    kept = {row.path: row for row in rows if row.path in known}
    for path, row in kept.items():
        row.pk = known[path].pk
    kept_ids = {row.pk for row in kept.values()}
    gone = [row.pk for row in former if row.pk not in kept_ids]
    for start in range(0, len(gone), BATCH_ROWS):
        WorkspaceFile.objects.filter(pk__in=gone[start : start + BATCH_ROWS]).delete()
    updated = [row for row in kept.values() if _columns(known[row.path]) != _columns(row)]
    WorkspaceFile.objects.bulk_update(updated, _COLUMNS, batch_size=BATCH_ROWS)
    WorkspaceFile.objects.bulk_create([row for row in rows if kept.get(row.path) is not row])


def _columns(row: WorkspaceFile) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in _COLUMNS)


def _file_row(attempt: RunAttempt, change: FileChange) -> WorkspaceFile:
    return WorkspaceFile(
        attempt=attempt,
        path=change.display_path,
        old_path=None if change.old_path is None else display_path(change.old_path),
        change_type=change.change_type,
        additions=change.additions,
        deletions=change.deletions,
        binary=change.is_binary,
        size_bytes=change.size_bytes,
        old_blob=change.old_blob,
        new_blob=change.new_blob,
        old_mode=change.old_mode,
        new_mode=change.new_mode,
    )


def _is_same(known: WorkspaceFile | None, row: WorkspaceFile) -> bool:
    return known is not None and all(getattr(known, name) == getattr(row, name) for name in _TELLING)


def _file_draft(known: WorkspaceFile | None, row: WorkspaceFile) -> Draft:
    """What has happened since the last look. `data` says how the file differs from the base commit."""
    data = {
        "changeType": row.change_type,
        "oldPath": row.old_path,
        "additions": row.additions,
        "deletions": row.deletions,
        "binary": row.binary,
        "sizeBytes": row.size_bytes,
    }
    happened = _happened(known, row)
    return Draft(f"file_{happened}", f"{row.path} {happened}", path=row.path, data=data)


def _happened(known: WorkspaceFile | None, row: WorkspaceFile) -> str:
    if known is None or row.change_type == "deleted" or known.old_path != row.old_path:
        return row.change_type
    return "created" if known.change_type == "deleted" else "updated"


def _back_draft(known: WorkspaceFile) -> Draft:
    """A file that does not differ from the base commit any more."""
    happened = {"created": "deleted", "deleted": "created"}.get(known.change_type, "updated")
    return Draft(f"file_{happened}", f"{known.path} is as it was", path=known.path, data={"changeType": None})
