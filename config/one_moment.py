"""Reads of one moment: several statements that all see the database as the first of them does."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def one_moment() -> Iterator[None]:
    """What the body reads is of one moment, however much is committed meanwhile. It must not write.

    On PostgreSQL that is a transaction of the level REPEATABLE READ. On SQLite it is a deferred one, which reads beside
    a writer: Django would begin an IMMEDIATE one (see the settings), which waits for every writer and keeps others
    waiting. Within a transaction that somebody has begun already it does nothing.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            _execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        _execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            _execute("COMMIT")  # nothing was written


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
