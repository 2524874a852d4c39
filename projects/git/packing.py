"""Packs what snapshots have written: loose, each of their small objects takes a block of the disk, and trees whole."""

import os
import time
from contextlib import suppress

from projects.git.repository import ABANDONED_AFTER_SECONDS, Repository

LOOSE_OBJECTS = 128
"""So many are packed at once, those of some six small snapshots."""

_SAMPLE = tuple(f"{number:02x}" for number in range(7, 256, 16))  # of 256 folders: object ids are spread evenly


def pack_snapshots(repository: Repository, commit: str, *, at_least: int = LOOSE_OBJECTS) -> bool:
    """Packs what this snapshot and those before it hold, if there are about so many loose objects; whether it did.

    Other objects stay loose. Killed, it has lost nothing: a pack is whole before a loose object goes.
    The caller holds the repository lock.
    """
    if _estimated_loose(repository) < at_least:
        return False
    folder = repository.private_objects / "pack"
    for unfinished in folder.glob("tmp_*"):
        with suppress(FileNotFoundError):
            if time.time() - unfinished.stat().st_mtime > ABANDONED_AFTER_SECONDS:
                unfinished.unlink()
    folder.mkdir(mode=0o700, exist_ok=True)
    options = ["--revs", "--unpacked", "--local", "--non-empty", "--quiet"]
    repository.run(["pack-objects", *options, str(folder / "pack")], standard_input=f"{commit}\n".encode())
    _remove_packed(repository)
    return True


def _remove_packed(repository: Repository) -> None:
    """The loose objects that are in a pack. Git's own removal takes their folders too, which are soon made again.

    A folder costs more time than all else that there is to writing a small object.
    """
    said = repository.run(["prune-packed", "--dry-run"])
    for line in said.splitlines():
        folder, name = line.rsplit(b"/", 2)[1:]
        (repository.private_objects / os.fsdecode(folder) / os.fsdecode(name)).unlink(missing_ok=True)


def _estimated_loose(repository: Repository) -> int:
    found = 0
    for name in _SAMPLE:
        with suppress(FileNotFoundError), os.scandir(repository.private_objects / name) as entries:
            found += sum(1 for _ in entries)
    return found * 256 // len(_SAMPLE)
