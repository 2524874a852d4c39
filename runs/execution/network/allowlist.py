"""Which hosts and ports a list of names lets through; it looks nothing up."""

from collections.abc import Iterable
from dataclasses import dataclass

PLAIN_PORTS = frozenset({80, 443})
"""Those of an entry that names none."""


@dataclass(frozen=True)
class Entry:
    """`example.com`, `*.example.com` (what lies below it, not itself), each with `:port` or for the web's two ports."""

    name: str
    covers_below: bool
    ports: frozenset[int]

    def lets_through(self, host: str, port: int) -> bool:
        """Is this host, in lower case, meant by it?"""
        is_meant = host.endswith(f".{self.name}") if self.covers_below else host == self.name
        return is_meant and port in self.ports


class Allowlist:
    """Hosts by name, as `settings_params.params.host_entry` takes them."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._entries = tuple(map(_read, entries))

    def lets_through(self, host: str, port: int) -> bool:
        """Whether any entry means the host. A dot at its end changes nothing (RFC 1034, 3.1)."""
        host = host.lower().removesuffix(".")
        return any(entry.lets_through(host, port) for entry in self._entries)


def _read(text: str) -> Entry:
    name, _, port = text.lower().partition(":")
    ports = frozenset({int(port)}) if port else PLAIN_PORTS
    return Entry(name.removeprefix("*."), name.startswith("*."), ports)
