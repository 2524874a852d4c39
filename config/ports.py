"""Questions about listening addresses, asked before and while serving; it refuses to guess another port."""

import errno
import socket
import time

POLL_SECONDS = 0.05
CONNECT_SECONDS = 0.25


class PortUnusable(Exception):
    """The address cannot be listened on; the message names the cure."""


def wait_for_port(host: str, port: int, wait_seconds: float = 5) -> None:
    """Return when the address is free, waiting for a server that was just killed to let it go.

    Raises PortUnusable when it is still taken after the wait, and at once when waiting would not help
    (unknown host, a port that only the administrator may use, no such port).
    """
    deadline = time.monotonic() + wait_seconds
    family, address = _resolve(host, port)
    while True:
        try:
            return _bind_once(family, address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise PortUnusable(_refusal(host, port, error)) from error
        if time.monotonic() >= deadline:
            raise PortUnusable(
                f"Port {port} on {host} is in use by another program. "
                "Stop that program, or choose another port with --port."
            )
        time.sleep(POLL_SECONDS)


def answers(host: str, port: int) -> bool:
    """Whether something accepts connections there. An address that means every interface is asked on loopback."""
    asked = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on
    try:
        with socket.create_connection((asked, port), timeout=CONNECT_SECONDS):
            return True
    except OSError:
        return False


def _resolve(host: str, port: int) -> tuple[int, tuple[object, ...]]:
    if not 0 <= port <= 65535:
        raise PortUnusable(f"{port} is not a port (0 to 65535). Choose one with --port.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise PortUnusable(f"{host} is not an address of this machine. Choose one with --host.") from error
    family, _, _, _, address = found[0]
    return family, address


def _bind_once(family: int, address: tuple[object, ...]) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen(1)


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EACCES:
        return f"Only the administrator may listen on port {port}. Choose one above 1023 with --port."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine. Choose one with --host."
    return f"Cannot listen on port {port} of {host}: {error.strerror}. Choose others with --host and --port."
