"""A connection to a host by its name: every address of it is checked, and a checked one connected to."""

import asyncio
import socket

from projects.git.hosts import is_public
from runs.execution.network.errors import NotReachable, ProxyRefusal

LOOK_UP_SECONDS = 10
CONNECT_SECONDS = 10
MOST_ADDRESSES = 4

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(host: str, port: int, *, allow_private_hosts: bool, limit_bytes: int) -> Streams:
    """Connected streams. Raises NotReachable for an address that is not public, ProxyRefusal 502 or 504."""
    addresses = await _look_up(host, port)
    if not allow_private_hosts and not all(map(is_public, addresses)):
        raise NotReachable(
            host, port,
            f"{host} is on a private network, to which runs have no way. "
            "The server's operator can allow it: safety.allow_private_hosts.",
            "safety.allow_private_hosts",
        )  # fmt: skip
    problem: Exception = OSError("it has no address")
    for address in addresses[:MOST_ADDRESSES]:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await asyncio.open_connection(address, port, limit=limit_bytes)
        except (OSError, TimeoutError) as error:
            problem = error
    if isinstance(problem, TimeoutError):
        raise ProxyRefusal(504, f"{host}:{port} did not answer in time.")
    reason = getattr(problem, "strerror", None) or type(problem).__name__
    raise ProxyRefusal(502, f"{host}:{port} cannot be reached: {reason}.")


async def _look_up(host: str, port: int) -> tuple[str, ...]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LOOK_UP_SECONDS):
            found = await loop.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise ProxyRefusal(504, f"The address of {host} could not be looked up in time.") from None
    except (OSError, UnicodeError):
        raise ProxyRefusal(502, f"The host {host} could not be found.") from None
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
