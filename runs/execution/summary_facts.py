"""What a summary is made of, read from the attempt's rows, its diff, its commands' outputs and its log; all bounded."""

import json
import logging
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from django.db.models.fields.files import FieldFile

from projects.git.changed_lines import ChangedLines, changed_lines
from projects.git.errors import GitError
from projects.indexing.kinds import ASSET, SOURCE, kind_of, looks_generated
from projects.indexing.languages import language_of, path_kind
from projects.workspaces import open_repository
from runs.models import CommandExecution, RunAttempt, WorkspaceFile
from runs.summary_rules.facts import ChangedFile, RanCommand, RanTests
from runs.summary_rules.reading import MAX_BYTES
from runs.summary_rules.tested import find_tests, may_run_tests

MAX_COMMANDS = 1_000
"""Of more the latest are looked at."""
MAX_TESTS = 100
MAX_EVENTS = 200
LONG_LINES = 100_000
"""Changed lines of one file above which they are not read: most likely data, and it would take long."""
_FIRST_LINES = 20
_NONE = ChangedLines()

logger = logging.getLogger(__name__)


def read_files(attempt: RunAttempt) -> tuple[ChangedFile, ...]:
    """The attempt's changed files with their kinds and lines, ordered by path."""
    rows = list(attempt.files.order_by("path"))
    lines = _read_lines(attempt, rows)
    return tuple(_file(row, lines.get(row.path, _NONE)) for row in rows)


def _read_lines(attempt: RunAttempt, rows: Iterable[WorkspaceFile]) -> Mapping[str, ChangedLines]:
    """None where git cannot give them: then the rules say which files they have not seen."""
    if attempt.tree is None:
        return {}
    long = [row for row in rows if row.additions + row.deletions > LONG_LINES]
    without = [path for row in long for path in (row.path, row.old_path) if path is not None]
    try:
        return changed_lines(open_repository(attempt.run.project), attempt.base_commit, attempt.tree, without=without)
    except GitError as error:
        logger.warning("The changed lines of run %s could not be read: %s", attempt.run_id, error.message)
        return {}


def _file(row: WorkspaceFile, lines: ChangedLines) -> ChangedFile:
    return ChangedFile(
        path=row.path,
        kind=_kind(row, lines),
        change_type=row.change_type,
        old_path=row.old_path,
        additions=row.additions,
        deletions=row.deletions,
        is_binary=row.binary,
        old_mode=row.old_mode,
        new_mode=row.new_mode,
        added=tuple(lines.added),
        removed=tuple(lines.removed),
    )


def _kind(row: WorkspaceFile, lines: ChangedLines) -> str:
    first = "\n".join(text for number, text in lines.added if number <= _FIRST_LINES)
    kind = kind_of(row.path, language_of(path_kind(row.path), b""), is_generated=looks_generated(first.encode()))
    return ASSET if row.binary and kind == SOURCE else kind


def read_tests(commands: QuerySet[CommandExecution]) -> tuple[RanTests, ...]:
    """The tests that the commands ran, the latest ones, in their order."""
    latest = [command for command in commands.order_by("-id")[:MAX_COMMANDS] if may_run_tests(command.command)]
    found: deque[RanTests] = deque(maxlen=MAX_TESTS)
    for command in reversed(latest[:MAX_TESTS]):
        found.extend(find_tests(_ran(command)))
    return tuple(found)


def _ran(command: CommandExecution) -> RanCommand:
    is_whole = not command.stdout_truncated and not command.stderr_truncated
    return RanCommand(
        id=command.pk,
        command=command.command,
        cwd=command.cwd,
        exit_code=command.exit_code,
        has_failed=command.status == CommandExecution.Status.FAILED,
        outputs=tuple(_end_of(output) for output in (command.stdout, command.stderr)) if is_whole else (),
        is_output_whole=is_whole and max(command.stdout_bytes, command.stderr_bytes) <= MAX_BYTES,
    )


def _end_of(output: FieldFile) -> str:
    """The last bytes of a kept output; empty where there is none, or none any more."""
    if not output:
        return ""
    try:
        with output.open("rb") as file:
            file.seek(max(0, file.size - MAX_BYTES))
            return str(file.read(MAX_BYTES).decode("utf-8", "replace"))
    except (OSError, ValueError) as error:
        logger.warning("The output %s could not be read: %s", output.name, error)
        return ""


def last_words(attempt: RunAttempt) -> str:
    """The agent's last message of the attempt, whole or its end; empty where it said nothing."""
    events = attempt.run.events.filter(attempt=attempt.number, event_type="agent_message")
    parts: list[str] = []
    message: Any = None
    for body in events.order_by("-id").values_list("body", flat=True)[:MAX_EVENTS]:
        event = json.loads("{" + body)
        data = event["data"] if isinstance(event["data"], dict) else {}
        if parts and (data.get("final") or data.get("messageId") != message):
            break
        message = data.get("messageId")
        parts.append(event["message"])
    return "".join(reversed(parts))
