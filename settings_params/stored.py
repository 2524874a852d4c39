"""What the table of server params says, read in one query and kept for a second at most."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from settings_params.models import ServerParam

KEPT_SECONDS = 1.0


@dataclass(frozen=True)
class StoredValue:
    """One row: a plain value, or the ciphertext of a secret."""

    value: Any
    secret: str | None


class _Kept:
    """The rows as read last. A change by this process counts at once here, in other processes within KEPT_SECONDS."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changes = 0
        self._rows: Mapping[str, StoredValue] = {}
        self._good_until = 0.0

    def read(self) -> Mapping[str, StoredValue]:
        with self._lock:
            if time.monotonic() < self._good_until:
                return self._rows
            changes = self._changes
        rows = {row[0]: StoredValue(*row[1:]) for row in ServerParam.objects.values_list("key", "value", "secret")}
        with self._lock:
            if changes == self._changes:  # else these rows may be older than what was changed meanwhile
                self._rows, self._good_until = rows, time.monotonic() + KEPT_SECONDS
        return rows

    def forget(self) -> None:
        with self._lock:
            self._changes += 1
            self._good_until = 0.0


_kept = _Kept()


def stored_values() -> Mapping[str, StoredValue]:
    """The stored values by key: one query, or none within a second of the last one."""
    return _kept.read()


def forget_stored_values() -> None:
    """The next read asks the database. Call it where values were written; it acts again when that is committed."""
    _kept.forget()
    transaction.on_commit(_kept.forget)
