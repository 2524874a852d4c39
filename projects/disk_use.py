"""How much disk folders use. No link is followed; one swapped in during a walk can only make the figure larger."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

BLOCK_BYTES = 512  # stat(2): the unit of st_blocks, whatever the file system's own


@dataclass
class Walk:
    """One pass over folders; a file with several names counts once. Incomplete: something could not be looked into."""

    used_bytes: int = 0
    is_complete: bool = True
    seen: set[tuple[int, int]] = field(default_factory=set)

    def add(self, found: os.stat_result) -> None:
        """Counts one file or folder."""
        if found.st_nlink != 1 and not stat.S_ISDIR(found.st_mode):
            identity = (found.st_dev, found.st_ino)
            if identity in self.seen:
                return
            self.seen.add(identity)
        self.used_bytes += found.st_blocks * BLOCK_BYTES

    def add_folder(self, top: Path) -> None:
        """Counts all that is below a folder; one that is not there uses nothing."""
        waiting = [str(top)]
        while waiting:
            try:
                with os.scandir(waiting.pop()) as entries:
                    for entry in entries:
                        self.add(entry.stat(follow_symlinks=False))
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
            except FileNotFoundError:
                continue
            except OSError:
                self.is_complete = False


def used_bytes(folders: Iterable[Path]) -> int:
    """What the folders use now, walking them: never while a request waits."""
    walk = Walk()
    for folder in folders:
        walk.add_folder(folder)
    return walk.used_bytes
