"""How much disk some folders use, without walking them at every look; it changes nothing.

It follows no link; one that the agent swaps in during a walk can only make its own figure larger."""

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from projects.disk_use import Walk
from runs.execution.sandbox.unnamed_files import unnamed_files

WALK_EVERY_SECONDS = 5.0
WALK_SHARE = 20  # a walk that took one second is followed by twenty without
URGENT_SHARE = 4


class DiskGauge:
    """Watches folders against a limit; ask as often as you like.

    The file system's free space (one system call) bounds what the folders can have grown since the last walk. A new
    walk comes only when that bound reaches the limit, or now and then. Where the agent made folders unreadable to us,
    the free space lost since the start counts instead: hiding files does not help it.
    """

    def __init__(self, folders: Iterable[Path], limit_bytes: int, pids: Callable[[], Iterable[int]] = tuple) -> None:
        self._folders = tuple(folders)
        self._limit_bytes = limit_bytes
        self._pids = pids
        self._first: tuple[int, int] | None = None
        self._used_bytes = 0
        self._free_bytes = 0
        self._walked_at = 0.0
        self._walk_seconds = 0.0

    def used_bytes(self) -> int:
        """What the last walk found, walking again where it is due."""
        free_bytes = _free_bytes(self._folders)
        could_be = self._used_bytes + max(0, self._free_bytes - free_bytes)
        pause = URGENT_SHARE * self._walk_seconds
        if could_be <= self._limit_bytes:
            pause = max(WALK_EVERY_SECONDS, WALK_SHARE * self._walk_seconds)
        if self._first is None or time.monotonic() >= self._walked_at + pause:
            self._walk(free_bytes)
        return self._used_bytes

    def _walk(self, free_bytes: int) -> None:
        began = time.monotonic()
        walk = Walk()
        for folder in self._folders:
            walk.add_folder(folder)
        devices = set(_devices(self._folders))
        for found in unnamed_files(self._pids()):
            if found.st_dev in devices:
                walk.add(found)
        if self._first is None:
            self._first = (walk.used_bytes, free_bytes)
        first_used, first_free = self._first
        lost = 0 if walk.is_complete else first_used + first_free - free_bytes
        self._used_bytes, self._free_bytes = max(walk.used_bytes, lost), free_bytes
        self._walked_at = time.monotonic()
        self._walk_seconds = self._walked_at - began


def _devices(folders: Iterable[Path]) -> dict[int, Path]:
    """Each file system that a folder lies on, once; a folder that was deleted meanwhile uses none."""
    devices: dict[int, Path] = {}
    for folder in folders:
        with contextlib.suppress(OSError):
            devices[folder.stat().st_dev] = folder
    return devices


def _free_bytes(folders: Iterable[Path]) -> int:
    free_bytes = 0
    for folder in _devices(folders).values():
        with contextlib.suppress(OSError):
            report = os.statvfs(folder)
            free_bytes += report.f_bfree * report.f_frsize
    return free_bytes
