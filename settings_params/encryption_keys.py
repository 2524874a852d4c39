"""The keys that secrets are stored under, newest first: from the environment, else a file; it knows no Django.

A key is Fernet's (32 random bytes in URL-safe base64). The first one encrypts, each of them decrypts.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

from settings_params.private_files import replace, write_once

VARIABLE = "QUARTERDECK_ENCRYPTION_KEYS"


class KeysUnusable(Exception):
    """The keys are missing or are no keys; the message says where, and never what they are."""


def are_in_environment() -> bool:
    """Whether the operator keeps the keys, in the variable; the file is not looked at then."""
    return bool(os.environ.get(VARIABLE))


def read_keys(path: Path, *, make: bool) -> tuple[str, ...]:
    """The keys, newest first. With `make` a missing file is made with one new key. Raises KeysUnusable."""
    if given := os.environ.get("QUARTERDECK_ENCRYPTION_KEYS"):
        return _checked(given.split(","), f"The variable {VARIABLE}")
    if make:
        text = write_once(path, _lines([_new_key()]))
    elif path.exists():
        text = path.read_text()
    else:
        raise KeysUnusable(f"The file {path.name} with the encryption keys is missing.")
    return _checked(text.split("\n"), f"The file {path.name}")


def keyring(path: Path, *, make: bool) -> MultiFernet:
    """The cipher of all keys. A changed file is noticed at the next call, in every process."""
    if not are_in_environment() and path.exists():
        status = path.stat()
        return _keyring_of_file(path, status.st_ino, status.st_mtime_ns, status.st_size)
    return _cipher(read_keys(path, make=make))


@lru_cache(maxsize=1)
def _keyring_of_file(path: Path, *state: int) -> MultiFernet:
    return _cipher(read_keys(path, make=False))


def add_key(path: Path) -> None:
    """Puts a new key before the others of the file; those still decrypt."""
    replace(path, _lines([_new_key(), *read_keys(path, make=True)]))


def drop_old_keys(path: Path) -> None:
    """Leaves only the newest key in the file: what is stored under another is lost from here on."""
    replace(path, _lines(read_keys(path, make=True)[:1]))


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Keeps a second rotation waiting; the kernel frees the lock at any death."""
    with path.with_name(f"{path.name}.lock").open("w") as file:
        flock(file, LOCK_EX)
        yield


def _new_key() -> str:
    return Fernet.generate_key().decode()


def _lines(keys: list[str] | tuple[str, ...]) -> str:
    return "".join(f"{key}\n" for key in keys)


def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def _checked(texts: list[str], place: str) -> tuple[str, ...]:
    keys = tuple(text.strip() for text in texts if text.strip())
    try:
        _cipher(keys)
    except ValueError:
        raise KeysUnusable(f"{place} has no usable encryption keys: put back what was there.") from None
    return keys
