"""Bears a database that is locked or away for a moment: what reads, or may be done twice, is tried again.

What may not be done twice is written in one transaction (`written`), of which it is known whether it was committed.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import Error, connection

from config.one_commit import AWAY, OutcomeUnknown, one_commit

AWAY_SECONDS = 20.0
"""So long it is tried again: below a lease's term, then the run is lost."""
RETRY_SECONDS = 0.2

logger = logging.getLogger(__name__)
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


async def patiently(work: Callable[Arguments, Result], *args: Arguments.args, **named: Arguments.kwargs) -> Result:
    """What the work gives, in the database's thread. Told once; the error when it goes on for AWAY_SECONDS.

    OutcomeUnknown at once: what may have been written is not written again.
    """
    patience = _Patience()
    while True:
        try:
            return await sync_to_async(_done)(work, *args, **named)
        except AWAY as error:
            patience.bear(error)
        await asyncio.sleep(RETRY_SECONDS)


async def written(work: Callable[Arguments, Result], *args: Arguments.args, **named: Arguments.kwargs) -> Result:
    """The same for work that is done once, as one transaction; it must not keep in memory what was rolled back."""
    return await patiently(_in_one_commit, partial(work, *args, **named))


def patiently_here(work: Callable[Arguments, Result], *args: Arguments.args, **named: Arguments.kwargs) -> Result:
    """As `patiently`, where there is no event loop: this very thread waits."""
    patience = _Patience()
    while True:
        try:
            return _done(work, *args, **named)
        except AWAY as error:
            patience.bear(error)
        time.sleep(RETRY_SECONDS)


def written_here(work: Callable[Arguments, Result], *args: Arguments.args, **named: Arguments.kwargs) -> Result:
    """As `written`, where there is no event loop."""
    return patiently_here(_in_one_commit, partial(work, *args, **named))


class _Patience:
    """How long it goes on by now, from the first failure on."""

    def __init__(self) -> None:
        self._give_up_at: float | None = None

    def bear(self, error: Error) -> None:
        """Returns where it is worth another try, else raises the error."""
        if isinstance(error, OutcomeUnknown):
            raise error
        if self._give_up_at is None:
            self._give_up_at = time.monotonic() + AWAY_SECONDS
            logger.warning("The database is locked or away, a run waits for it: %s", error)
        if time.monotonic() >= self._give_up_at:
            raise error


def _in_one_commit(work: Callable[[], Result]) -> Result:
    with one_commit():
        return work()


def _done(work: Callable[Arguments, Result], *args: Arguments.args, **named: Arguments.kwargs) -> Result:
    try:
        return work(*args, **named)
    except AWAY:
        connection.close_if_unusable_or_obsolete()
        raise
