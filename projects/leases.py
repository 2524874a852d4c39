"""Leases: one process works on a row at a time, and a row whose process died is free again.

A claim is one conditional UPDATE that raises the row's generation; every later write of the claimer names that
generation, so that a claimer who lost the row writes nothing. Times are the database's, not the machine's.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import Error, connection, models
from django.db.models import F, Q
from django.db.models.functions import Now

from config.api.owners import owner_id

logger = logging.getLogger(__name__)
LEASE = timedelta(seconds=30)
RENEW_EVERY_SECONDS = 5.0
RETRY_SECONDS = 0.5


def free() -> Q:
    """Rows that nobody holds a living lease on."""
    return Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())


@dataclass(frozen=True)
class Lease:
    """A claimed row: its model, key and the generation that the claim gave it."""

    model: type[models.Model]
    pk: int
    generation: int

    def held(self) -> models.QuerySet[Any]:
        """The row as long as this lease is the last one on it: every write goes through here."""
        rows: models.QuerySet[Any] = self.model._default_manager.filter(pk=self.pk, lease_generation=self.generation)
        return rows

    def renew(self) -> bool:
        """Another full term; False when the row has been lost, or given up already: nobody else could claim it then."""
        return bool(self.held().filter(lease_expires_at__isnull=False).update(lease_expires_at=Now() + LEASE))

    def release(self, **changes: Any) -> bool:
        """Gives the row up with its last changes; False, and nothing written, when it has been lost."""
        return bool(self.held().update(lease_expires_at=None, lease_owner="", **changes))


def claim(rows: models.QuerySet[Any], pk: int, **changes: Any) -> Lease | None:
    """Takes the row if it is among `rows` and free, and makes the changes; None when somebody else has it."""
    taken = rows.filter(free(), pk=pk).update(
        lease_generation=F("lease_generation") + 1, lease_owner=owner_id(), lease_expires_at=Now() + LEASE, **changes
    )
    if not taken:
        return None
    generation = rows.model._default_manager.values_list("lease_generation", flat=True).get(pk=pk)
    return Lease(rows.model, pk, generation)


@contextmanager
def kept(lease: Lease, on_lost: Callable[[], None]) -> Iterator[None]:
    """Renews the lease from a thread of its own while the body runs; calls `on_lost` once if it is lost."""
    done = threading.Event()

    def renew() -> None:
        wait_seconds = RENEW_EVERY_SECONDS
        while not done.wait(wait_seconds):
            wait_seconds = RENEW_EVERY_SECONDS
            try:
                if not lease.renew():
                    on_lost()
                    return
            except Error:  # there is time to try again, and again, before the lease ends
                wait_seconds = RETRY_SECONDS
                logger.warning("The lease on %s %s could not be renewed.", lease.model.__name__, lease.pk)
            finally:
                connection.close()

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
