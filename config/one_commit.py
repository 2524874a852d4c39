"""Writes of which it is known afterwards whether they were committed, also where the answer to a COMMIT was lost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, InterfaceError, OperationalError, connection, transaction

AWAY = (OperationalError, InterfaceError)
"""What Django raises where a database is locked, away, or goes away."""
ASK_SECONDS = 20.0
ASK_EVERY_SECONDS = 0.2


class OutcomeUnknown(OperationalError):
    """The database went away as it committed, and stayed away: nobody can tell whether what was written is there."""


@contextmanager
def one_commit() -> Iterator[None]:
    """A transaction. Any error but OutcomeUnknown means that nothing of it was written: it may be tried again.

    On SQLite a COMMIT that fails has written nothing. PostgreSQL may have committed what it could not answer any more:
    then it is asked, for as long as it is away, up to ASK_SECONDS; where it has, the body counts as done, but what was
    to be done after the commit in this process (`on_commit`) is not. Within a transaction that somebody has begun
    already the end is theirs.
    """
    if connection.in_atomic_block:
        with transaction.atomic():
            yield
        return
    number: str | None = None
    try:
        with transaction.atomic():
            yield
            number = _number()
    except AWAY:
        connection.close_if_unusable_or_obsolete()
        if number is None or not _is_committed(number):
            raise


def _number() -> str | None:
    """PostgreSQL's number of the present transaction; None where it has written nothing, and on SQLite."""
    return _value("SELECT pg_current_xact_id_if_assigned()::text") if connection.vendor == "postgresql" else None


def _is_committed(number: str) -> bool:
    give_up_at = time.monotonic() + ASK_SECONDS
    while (status := _status(number)) not in ("committed", "aborted"):  # lost, or the server has not seen the end yet
        if time.monotonic() >= give_up_at:
            raise OutcomeUnknown("The database went away as it committed: nobody can tell what became of it.")
        time.sleep(ASK_EVERY_SECONDS)
    return status == "committed"


def _status(number: str) -> str | None:
    """`in progress`, `committed` or `aborted`; None where it cannot be told. It holds over a crash of the server.

    https://www.postgresql.org/docs/current/functions-info.html, pg_xact_status
    """
    try:
        return _value("SELECT pg_xact_status(%s::xid8)", number)
    except Error:
        connection.close_if_unusable_or_obsolete()
        return None


def _value(statement: str, *parameters: str) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        value: str | None = cursor.fetchone()[0]
        return value
