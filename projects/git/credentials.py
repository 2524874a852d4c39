"""A project's own login at its remote, and how git and ssh get at the secret: from a file that only we can read.

The secret is in no URL, argument, variable or configuration; what those carry is the name of the file. On Linux it is
one in memory, named through `/proc`, so that nothing is left wherever this process is killed.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["https_token", "ssh_key"]
ASKPASS = Path(__file__).with_name("askpass")
DEFAULT_USERNAME = "x-access-token"
"""Hosts that look at the token alone take any name; GitHub wants this one for tokens of its apps."""


@dataclass(frozen=True)
class Credential:
    """A token with a user name (empty: the usual one), or a private SSH key without a passphrase."""

    kind: Kind
    username: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Login:
    """A credential that git can use now: `file` holds the secret."""

    kind: Kind
    username: str
    file: Path


@contextmanager
def offered(credential: Credential | None) -> Iterator[Login | None]:
    """The login for as long as the body runs, None for none."""
    if credential is None:
        yield None
        return
    with _secret_file(credential.secret.encode()) as path:
        yield Login(credential.kind, credential.username or DEFAULT_USERNAME, path)


@contextmanager
def _secret_file(secret: bytes) -> Iterator[Path]:
    if sys.platform != "linux":
        with tempfile.TemporaryDirectory(prefix="quarterdeck-") as folder:
            path = Path(folder) / "secret"
            path.touch(mode=0o600)
            path.write_bytes(secret)
            yield path
        return
    descriptor = os.memfd_create("secret")
    try:
        os.fchmod(descriptor, 0o600)  # ssh takes no key that others may read
        with open(descriptor, "wb", closefd=False) as file:
            file.write(secret)
        yield Path(f"/proc/{os.getpid()}/fd/{descriptor}")
    finally:
        os.close(descriptor)
