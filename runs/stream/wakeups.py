"""Tells a web process of commits. A wake-up carries no data and may be lost: the hub also looks by itself."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable

import psycopg
from django.db import connection

from runs.events import CHANNEL

logger = logging.getLogger(__name__)
POLL_SECONDS = 0.015
RECONNECT_SECONDS = 1.0


async def watch_sqlite(on_wake: Callable[[], None]) -> None:
    """Wakes when `PRAGMA data_version` changes, which any other connection's commit makes it do. About 8 µs a poll."""
    watcher = sqlite3.connect(str(connection.settings_dict["NAME"]), isolation_level=None, timeout=0)
    try:
        seen = None
        while True:
            version = _data_version(watcher)
            if version is None or version != seen:
                seen = version
                on_wake()
            await asyncio.sleep(POLL_SECONDS)
    finally:
        watcher.close()


def _data_version(watcher: sqlite3.Connection) -> int | None:
    """None while somebody has the file alone, for which the event loop does not wait."""
    try:
        (version,) = watcher.execute("PRAGMA data_version").fetchone()
    except sqlite3.OperationalError:
        return None
    return int(version)


async def watch_postgresql(on_wake: Callable[[], None]) -> None:
    """Wakes on NOTIFY; a lost connection is made again, with a wake-up for what may have been missed."""
    parameters = connection.get_connection_params()  # with what DATABASE_URL says after `?`, as `sslmode`
    for of_django in ("context", "cursor_factory", "prepare_threshold"):
        parameters.pop(of_django, None)
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as listener:
                await listener.execute(f"LISTEN {CHANNEL}")
                on_wake()
                async for _ in listener.notifies():
                    on_wake()
        except psycopg.Error:
            logger.warning("The listening connection to PostgreSQL broke; trying again.")
            await asyncio.sleep(RECONNECT_SECONDS)


async def watch_commits(on_wake: Callable[[], None]) -> None:
    """Calls `on_wake` soon after every commit by anybody, until cancelled."""
    await (watch_postgresql if connection.vendor == "postgresql" else watch_sqlite)(on_wake)
