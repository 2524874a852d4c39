"""How a moment is written in the API: ISO 8601, UTC, three decimals, `Z`."""

from datetime import UTC, datetime


def format_time(moment: datetime) -> str:
    """`2026-11-23T08:15:30.042Z`; a naive time is taken as UTC."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.strftime("%Y-%m-%dT%H:%M:%S.") + f"{aware.microsecond // 1000:03d}Z"
