"""Addresses of MCP servers that agents call: what is accepted. Who is reached in the end is the sandbox's network's."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from projects.git.hosts import is_public

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?")
_PORTS = {"https": 443, "http": 80}


class AddressRefused(Exception):
    """Why an address is not taken; `code` is for programs."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.message, self.code = message, code


def check_address(url: str, *, allow_private_hosts: bool) -> None:
    """AddressRefused `invalid-url`, `credentials-in-url`, `transport-not-allowed` or `private-host`.

    Plain http would show the headers to everybody on the way: it needs `allow_private_hosts`. A name is not looked up:
    the address that it stands for is checked by whoever connects.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _invalid() from None
    if not (url.isascii() and url.isprintable()) or " " in url or "\\" in url or parts.fragment or port == 0:
        raise _invalid()
    if parts.scheme not in _PORTS or (parts.scheme == "http" and not allow_private_hosts):
        raise AddressRefused("Give an https address.", "transport-not-allowed")
    if "@" in parts.netloc:
        raise AddressRefused("The address has a login in it: give that as a header.", "credentials-in-url")
    if not allow_private_hosts and _is_private(host):
        raise AddressRefused("The host is on a private network; the operator can allow it.", "private-host")
    if not (_HOST.fullmatch(host) or _is_number(host)):
        raise _invalid()


def host_and_port(url: str) -> tuple[str, int]:
    """Of an address that was checked."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def _is_private(host: str) -> bool:
    if _is_number(host):
        return not is_public(host)
    return host == "localhost" or host.endswith(".localhost")


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _invalid() -> AddressRefused:
    return AddressRefused("This is no address of a host: https://HOST/PATH.", "invalid-url")
