"""Reads, writes and removes files of the work tree by descriptor; refuses everything that is no regular file."""

import errno
import os
import stat
from pathlib import Path

from .paths import open_beneath, place, place_of_entry

_SAYS = {
    errno.EISDIR: "is a directory",
    errno.ELOOP: "is a symbolic link",
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "has a parent that is no directory",
    errno.ENXIO: "is no regular file",
}


class FileStepFailed(Exception):
    """The file could not be read, written or removed; the message names it and says why."""


def read_file(root: Path, path: str) -> bytes | None:
    """The content of ``path`` beneath ``root``; None when there is no such file."""
    try:
        with os.fdopen(_open(root, place(root, path), os.O_RDONLY), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failure(path, error) from None


def write_file(root: Path, path: str, content: bytes, *, mode: int | None = None) -> None:
    """Replace the content of ``path``, making it and its parents; ``mode`` are permission bits to set."""
    _write(root, path, content, os.O_TRUNC, mode)


def append_file(root: Path, path: str, content: bytes) -> None:
    """Append to ``path``, making it and its parents."""
    _write(root, path, content, os.O_APPEND, None)


def delete_file(root: Path, path: str) -> None:
    """Remove the file ``path``; of a symbolic link the link itself."""
    real = place_of_entry(root, path)
    try:
        parent = _open_folder(root, real.parent)
        try:
            os.unlink(real.name, dir_fd=parent)
        finally:
            os.close(parent)
    except OSError as error:
        raise _failure(path, error) from None


def _write(root: Path, path: str, content: bytes, flag: int, mode: int | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | flag
    try:
        with os.fdopen(_open(root, place(root, path), flags, make_parents=True), "wb") as file:
            file.write(content)
            if mode is not None:
                os.fchmod(file.fileno(), mode)
    except OSError as error:
        raise _failure(path, error) from None


def _open(root: Path, real: Path, flags: int, *, make_parents: bool = False) -> int:
    descriptor = open_beneath(root, real, flags, make_parents=make_parents)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.ENXIO, "no regular file")
    return descriptor


def _open_folder(root: Path, real: Path) -> int:
    if real == root.resolve():
        return os.open(real, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return open_beneath(root, real, os.O_RDONLY | os.O_DIRECTORY)


def _failure(path: str, error: OSError) -> FileStepFailed:
    return FileStepFailed(f"{path!r} {_SAYS.get(error.errno or 0, f'cannot be used: {error.strerror}')}")


def refuse_missing(root: Path, path: str) -> None:
    """Raise when ``path`` leaves the work tree or is not there."""
    if not os.path.lexists(place_of_entry(root, path)):
        raise FileStepFailed(f"{path!r} does not exist")
