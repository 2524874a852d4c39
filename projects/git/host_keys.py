"""SSH host keys that a repository's remote has been seen with: pinned by ssh at the first contact, forgotten by people.

Each repository has a file of its own (known_hosts, sshd(8)): one project's first contact vouches for no other's.
"""

import binascii
from dataclasses import dataclass

from projects.git.repository import Repository
from projects.git.ssh_keys import fingerprint_of


@dataclass(frozen=True)
class HostKey:
    """One pinned key: the host's name, the key's type, and its fingerprint as ssh-keygen(1) shows it."""

    host: str
    kind: str
    fingerprint: str


def pinned_host_keys(repository: Repository) -> tuple[HostKey, ...]:
    """The keys that the repository's remote must have; empty before the first contact."""
    try:
        text = repository.known_hosts.read_text(errors="replace")
    except FileNotFoundError:
        return ()
    return tuple(key for line in text.splitlines() if (key := _read(line)) is not None)


def forget_host_keys(repository: Repository) -> tuple[HostKey, ...]:
    """Takes all pinned keys away, and gives them: the next contact pins what the host has then."""
    forgotten = pinned_host_keys(repository)
    repository.known_hosts.unlink(missing_ok=True)
    return forgotten


def _read(line: str) -> HostKey | None:
    fields = line.split()
    if len(fields) < 3 or line.startswith("#"):
        return None
    try:
        return HostKey(fields[0], fields[1], fingerprint_of(f"{fields[1]} {fields[2]}".encode()))
    except binascii.Error:
        return None
