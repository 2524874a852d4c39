"""Reads about runs that span rows or ask Git."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from accounts.models import User
from config.api.problems import InvalidCursor
from config.statements import Statement
from projects.git.changes import (
    LARGE_BYTES,
    FileChange,
    changed_files,
    diff,
    diff_in_pieces,
    large_files,
    sizes_of,
)
from projects.git.file_diffs import diff_of_file, find_sides
from projects.workspaces import open_repository
from runs.errors import EventsExpired
from runs.event_json import EventRow
from runs.models import AgentEvent, Permission, Run, RunAttempt, RunReview, WorkspaceFile
from runs.transitions import allowed_actions

_RUN = Statement(lambda pk: Run.objects.filter(pk=pk), parameters=1)
_RUN_OF_MEMBER = Statement(
    lambda pk, user: Run.objects.filter(pk=pk, project__memberships__user=user),
    parameters=2,
)

_PENDING = Statement(
    lambda run: Permission.objects.filter(run=run, status=Permission.Status.PENDING).order_by("-id"), parameters=1
)

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
FRAME_FIELDS = ("id", "project_id", "event_type", "severity", "path", "body")


@cache
def log_page(count: int, *, newest_first: bool = False) -> Statement[EventRow]:
    """So many events of a run, after the event with one id and up to that with another."""
    order = "-id" if newest_first else "id"
    return Statement(
        lambda run, after, newest: (
            AgentEvent.objects.filter(run=run, id__gt=after, id__lte=newest)
            .order_by(order)
            .values_list("id", "body")[:count]
        ),
        parameters=3,
    )


def pending_permissions(run: Run) -> list[Permission]:
    """What the run's agent asks leave for now, newest first."""
    return _PENDING.rows(run.pk)


def last_event_before(run: Run, moment: datetime) -> int:
    """The id of the run's last older event, 0 where there is none: found by halving, as the log follows the clock."""
    events = AgentEvent.objects.filter(run=run)
    times = events.values_list("created_at", flat=True)
    numbers = range(1, run.last_seq + 1)
    older = bisect_left(numbers, moment, key=lambda number: times.filter(seq=number).first() or _LONG_AGO)
    return events.filter(seq=older).values_list("id", flat=True).first() or 0


def require_known(run: Run, after: int) -> None:
    """400 `invalid-cursor` where the id is greater than any of the run: another server gave it, or a backup came back.

    Taken, it would hide whatever comes until ids are as great.
    """
    if after > (run.last_event_id or 0):
        raise InvalidCursor("This is not an id of this stream: begin anew without one.")


def require_kept(run: Run, after: int) -> None:
    """410 `events-expired` where events that come after the one with that id are no longer kept."""
    if after >= run.expired_event_id:
        return
    first = AgentEvent.objects.filter(run=run, id__gt=run.expired_event_id).order_by("id").values_list("id", flat=True)
    raise EventsExpired(
        "Events that you ask for are no longer kept. Read on from firstEventId, or without since.",
        first_event_id=first.first(),
        **run.problem_members,
    )


def find_visible(pk: int, user: User) -> Run | None:
    """The run, None where the user may not see it (as `RunQuerySet.visible_to` says)."""
    return _RUN.first(pk) if user.is_operator else _RUN_OF_MEMBER.first(pk, user.pk)


def current_attempt(run: Run) -> RunAttempt | None:
    """The row of the run's latest attempt; None before the executor has made it."""
    return run.attempts.filter(number=run.attempt).select_related("workspace__project", "run__project").first()


def attempt_diff(attempt: RunAttempt, tree: str | None, *, enough_bytes: int, without_large: bool = False) -> bytes:
    """The unified diff from the attempt's base commit to a tree; one of so many bytes or more may lack its end.

    Large files can be left out of it: git would take them into memory, to show what nobody can read.
    """
    if tree is None:
        return b""
    repository, base = open_repository(attempt.run.project), attempt.base_commit
    without = large_files(repository, base, tree) if without_large else []
    return diff(repository, base, tree, enough_bytes=enough_bytes, without=without)


def has_large_files(attempt: RunAttempt) -> bool:
    """Whether one of an attempt's files has over LARGE_BYTES, or had in the base commit."""
    return _is_any_large(attempt, attempt.files.filter(binary=True).values_list("size_bytes", "old_blob"))


def is_large_file(file: WorkspaceFile) -> bool:
    """The same of one of them."""
    return file.binary and _is_any_large(file.attempt, [(file.size_bytes, file.old_blob)])


def _is_any_large(attempt: RunAttempt, files: Iterable[tuple[int, str | None]]) -> bool:
    binary = list(files)
    if any(size > LARGE_BYTES for size, _ in binary):
        return True
    former = [blob for _, blob in binary if blob]
    return any(size > LARGE_BYTES for size in sizes_of(open_repository(attempt.run.project), former).values())


def attempt_diff_in_pieces(attempt: RunAttempt, tree: str | None) -> Iterator[bytes]:
    """Every byte of that diff, piece by piece; empty where there is no tree yet."""
    if tree is None:
        return iter(())
    return diff_in_pieces(open_repository(attempt.run.project), attempt.base_commit, tree)


def accepted_changes(attempt: RunAttempt, tree: str) -> Sequence[FileChange]:
    """The files in which an approved tree differs from the attempt's base commit."""
    return changed_files(open_repository(attempt.run.project), attempt.base_commit, tree)


def file_diff_in_pieces(file: WorkspaceFile) -> Iterator[bytes]:
    """Every byte of a changed file's part of that diff."""
    attempt = file.attempt
    repository = open_repository(attempt.run.project)
    sides = find_sides(
        repository,
        attempt.base_commit,
        attempt.tree or attempt.base_commit,
        path=file.path,
        old_path=file.old_path,
        old_blob=file.old_blob,
        new_blob=file.new_blob,
    )
    return diff_of_file(repository, sides)


def latest_review(run: Run, attempt: int | None = None) -> RunReview | None:
    """The review that counts: the newest of the run's attempt, or of the one with this number."""
    reviews = run.reviews.filter(attempt=run.attempt if attempt is None else attempt)
    return reviews.select_related("reviewer").order_by("-id").first()


def conflict_members(run: Run) -> dict[str, Any]:
    """What every conflict of a run tells: which run, its status, and what it allows."""
    allowed = allowed_actions(run.status, current_attempt(run), latest_review(run))
    return {**run.problem_members, "allowed_actions": allowed}
