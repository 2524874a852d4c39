"""Opens files beneath a folder; refuses every path that leaves it, also through symbolic links."""

import os
from contextlib import suppress
from pathlib import Path


class PathRefused(Exception):
    """The path leads out of the work tree, or is no file that can be used; the message names it."""


def place(root: Path, path: str) -> Path:
    """The real, absolute place of ``path`` beneath ``root``, all symbolic links followed; raises PathRefused."""
    return _beneath(root, path, _resolve(root / path, path))


def place_of_entry(root: Path, path: str) -> Path:
    """Like place(), but a symbolic link in the last component stands for itself: what a removal removes."""
    joined = root / path
    if joined.name in ("", "..") or path.endswith("/."):
        raise PathRefused(f"{path!r} names no file")
    return _beneath(root, path, _resolve(joined.parent, path) / joined.name)


def _resolve(joined: Path, path: str) -> Path:
    try:
        return joined.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise PathRefused(f"{path!r} cannot be followed: {error}") from None


def _beneath(root: Path, path: str, real: Path) -> Path:
    real_root = root.resolve()
    if real == real_root or not real.is_relative_to(real_root):
        raise PathRefused(f"{path!r} leaves the work tree")
    return real


def open_beneath(root: Path, real: Path, flags: int, *, make_parents: bool = False) -> int:
    """A file descriptor of ``real`` (from place()), each component opened in its parent without following links.

    So a link that appears between check and use is refused and not followed. Raises OSError.
    """
    *folders, name = real.relative_to(root.resolve()).parts
    parent = os.open(root.resolve(), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            parent = _step_into(parent, folder, make_parents)
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o666, dir_fd=parent)
    finally:
        os.close(parent)


def _step_into(parent: int, folder: str, make_parents: bool) -> int:
    """Open the folder and close its parent; on an error the parent stays open, for its caller to close."""
    if make_parents:
        with suppress(FileExistsError):
            os.mkdir(folder, dir_fd=parent)
    child = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    os.close(parent)
    return child
