"""Writes an agent's settings into its run's home, which it could write too; follows no link and keeps no name.

Whatever stands where a file or one of its folders should be is taken away first: a link, a pipe, a file with a second
name. No process of the run may be alive meanwhile.
"""

import os
import secrets
import shutil
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_files(
    home: Path, files: Mapping[str, str | bytes], owner: tuple[int, int] | None, *, mode: int = 0o600
) -> None:
    """Each path below the home gets its content and mode, new folders 0700, all of ``owner`` (uid, gid; None: ours).

    A file that is there is replaced whole. Raises OSError, ValueError for a path that leaves the home.
    """
    for path, content in files.items():
        parts = PurePosixPath(path).parts
        if not parts or ".." in parts or path.startswith("/"):
            raise ValueError(f"{path!r} is no path below a home")
        folder = os.open(home, _FOLDER)
        try:
            for name in parts[:-1]:
                folder = _step_into(folder, name, owner)
            _write(folder, parts[-1], content.encode() if isinstance(content, str) else content, owner, mode)
        finally:
            os.close(folder)


def remove_file(home: Path, path: str) -> None:
    """Takes away a file below the home, if it is there. Follows no link. Raises OSError."""
    *folders, name = PurePosixPath(path).parts
    folder = os.open(home, _FOLDER)
    try:
        for each in folders:
            child = os.open(each, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = child
        os.unlink(name, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return
    finally:
        os.close(folder)


def _step_into(parent: int, name: str, owner: tuple[int, int] | None) -> int:
    """Opens the folder and closes its parent; on an error the parent stays open, for its caller to close."""
    if not _is_folder(parent, name):
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=parent)
        os.mkdir(name, 0o700, dir_fd=parent)
        if owner is not None:
            os.chown(name, *owner, dir_fd=parent, follow_symlinks=False)
    child = os.open(name, _FOLDER, dir_fd=parent)
    os.close(parent)
    return child


def _write(folder: int, name: str, content: bytes, owner: tuple[int, int] | None, mode: int) -> None:
    made = f".{name}.{secrets.token_hex(8)}"
    descriptor = os.open(made, _NEW_FILE, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if owner is not None:
                os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
            file.write(content)
        if _is_folder(folder, name):
            shutil.rmtree(name, dir_fd=folder)
        os.rename(made, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(made, dir_fd=folder)
        raise


def _is_folder(folder: int, name: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False
