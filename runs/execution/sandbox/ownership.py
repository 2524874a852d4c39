"""Gives folders to the sandbox's user; it follows no symbolic link, so that no link can give away what it points to."""

import os
from collections.abc import Iterable
from pathlib import Path


def give_to(paths: Iterable[Path], uid: int, gid: int) -> None:
    """Change the owner of every path and all that is below it. Needs root. Raises OSError.

    A path that is itself a link is refused (NotADirectoryError or FileNotFoundError from the kernel).
    """
    for path in paths:
        if path.is_symlink():
            raise NotADirectoryError(f"{path} is a symbolic link: it cannot be given to the sandbox's user.")
        if path.is_dir():
            for _, folders, files, folder_fd in os.fwalk(path, follow_symlinks=False):
                for name in (*folders, *files):
                    os.chown(name, uid, gid, dir_fd=folder_fd, follow_symlinks=False)
        os.chown(path, uid, gid, follow_symlinks=False)
