"""Where in a sandbox the server's sockets are reached: at the same ports in all that have a loopback of their own."""

import socket

PROXY_PORT = 8318
"""Next to the model gateway's."""


def port_for(wanted: int, *, is_loopback_own: bool) -> int:
    """The wanted port, or any that is free where the loopback is the machine's and others listen on it too."""
    if is_loopback_own:
        return wanted
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
