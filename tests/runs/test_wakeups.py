"""What a web process is told of other processes' commits."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from runs.stream.wakeups import watch_commits

pytestmark = pytest.mark.django_db(transaction=True)


def listeners(name: str) -> int:
    """The connections to the PostgreSQL server by that application's name that listen."""
    with connection.cursor() as cursor:
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND query LIKE 'LISTEN%%'"
        cursor.execute(query, [name])
        return int(cursor.fetchone()[0])


async def test_the_listening_connection_is_made_with_all_options_of_the_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if connection.vendor != "postgresql":
        return  # SQLite's file has no options that a watcher needs
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "application_name", "quarterdeck-listens")
    woken = asyncio.Event()
    watching = asyncio.create_task(watch_commits(woken.set))
    try:
        await asyncio.wait_for(woken.wait(), 20)
        assert await sync_to_async(listeners)("quarterdeck-listens") == 1
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
