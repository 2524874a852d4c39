"""Pages of events for the stream's bench: beside the usual way to one, and of a log that has grown a hundredfold."""

from dataclasses import dataclass

from bench import api, rows

FEW_ROWS = 10_000
PAGE_EVENTS = 200


@dataclass(frozen=True)
class Pages:
    """Requests a second of ours and of a serializer's page, and a tail page's p50 in ms before and after."""

    per_second: float
    serialized_per_second: float
    few_ms: float
    many_ms: float


def settle() -> None:
    """What a database does by itself in quiet moments: SQLite has a million rows in its log after one statement."""
    from django.db import connection

    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def measure_pages(run: int, token: str, row_count: int, seconds: float) -> Pages:
    """Fills the run's log up meanwhile; it has to have some events."""
    rows.add_events(run, FEW_ROWS)
    with api.servers() as (real, _, serialized):
        first = f"/api/runs/{run}/events?limit={PAGE_EVENTS}"
        ours, theirs = api.measure((real, serialized), first, token, seconds)
        (few,) = api.measure((real,), rows.newest_page(run), token, seconds, 1)
        rows.add_events(run, max(FEW_ROWS, row_count) - FEW_ROWS)
        settle()
        (many,) = api.measure((real,), rows.newest_page(run), token, seconds, 1)
    return Pages(ours.per_second, theirs.per_second, few.percentile(50), many.percentile(50))
