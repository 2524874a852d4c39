"""Small files that only the server's user can read, whole at every moment; it knows no Django."""

import os
import secrets
from pathlib import Path


def write_once(path: Path, text: str) -> str:
    """What the file says; where there is none, it is made with `text` first.

    Processes that start at once agree: the file appears whole, by a hard link that only one of them can make.
    """
    if not path.exists():
        made = _write_beside(path, text)
        try:
            os.link(made, path)
        except FileExistsError:
            pass
        finally:
            made.unlink()
        _sync_folder(path.parent)
    return path.read_text()


def replace(path: Path, text: str) -> None:
    """Puts `text` in the file's place; whoever dies, or reads meanwhile, finds the old text or the new one, whole."""
    _write_beside(path, text).replace(path)
    _sync_folder(path.parent)


def _write_beside(path: Path, text: str) -> Path:
    made = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return made


def _sync_folder(folder: Path) -> None:
    """A file's name is in its folder: without this a power cut may take it back."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
