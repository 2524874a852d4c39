"""Which network addresses a remote's host may stand for; refuses the private ones unless the operator allows them."""

import ipaddress
import socket

from projects.git.errors import HostNotFound, RemoteRefused
from projects.git.urls import RemoteUrl

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_TRANSLATED = (_NAT64, ipaddress.ip_network("64:ff9b:1::/48"))


def resolve_host(remote: RemoteUrl, *, allow_private_hosts: bool) -> tuple[str, ...]:
    """Every address of the remote's host, to be connected to as they are; empty for a local repository.

    Raises HostNotFound when the name does not resolve, RemoteRefused `private-host` when any one of its addresses is
    not public (all are checked: which one is connected to is not ours to choose), and `transport-not-allowed` for
    plain http to a public host.
    """
    if remote.scheme == "file":
        return ()
    addresses = _look_up(remote)
    public = [address for address in addresses if is_public(address)]
    if not allow_private_hosts and len(public) < len(addresses):
        raise RemoteRefused(
            "The host of this address is on a private network, which is not allowed. The operator can allow it.",
            code="private-host",
        )
    if remote.scheme == "http" and public:
        raise RemoteRefused(
            "Plain http is allowed only to hosts on a private network. Use https.", code="transport-not-allowed"
        )
    return addresses


def is_public(address: str) -> bool:
    """Is this an address of the public internet (IANA special-purpose registries), also when wrapped in IPv6?"""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or _translated(parsed)
        if inner is not None:
            return is_public(str(inner))
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def _translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that NAT64 would reach (RFC 6052, RFC 8215)."""
    if any(address in network for network in _TRANSLATED):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _look_up(remote: RemoteUrl) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(remote.host, remote.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise HostNotFound(
            f"The host {remote.host} could not be found. Check the address, and that the server can look up names."
        ) from None
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
