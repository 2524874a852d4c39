"""Bears a database that is locked or away for a moment: what reads, or may be done twice, is tried again."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connection

AWAY_SECONDS = 20.0
"""So long it is tried again: below a lease's term, then the run is lost."""
RETRY_SECONDS = 0.2

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


async def patiently(work: Callable[[], Result]) -> Result:
    """What the work gives, in the database's thread. Told once; the error when it goes on for AWAY_SECONDS."""
    give_up_at, is_told = time.monotonic() + AWAY_SECONDS, False
    while True:
        try:
            return await sync_to_async(_done)(work)
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() >= give_up_at:
                raise
            if not is_told:
                logger.warning("The database is locked or away, a run waits for it: %s", error)
            is_told = True
        await asyncio.sleep(RETRY_SECONDS)


def _done(work: Callable[[], Result]) -> Result:
    try:
        return work()
    except (OperationalError, InterfaceError):
        connection.close_if_unusable_or_obsolete()
        raise
