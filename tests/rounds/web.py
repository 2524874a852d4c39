"""A web process of the server's, on a socket that listens already, with bounds that a round has chosen."""

from importlib import import_module
from typing import Any

BOUNDS = {
    "queue_batches": ("runs.stream.hub", "QUEUE_BATCHES"),
    "queue_bytes": ("runs.stream.hub", "QUEUE_BYTES"),
    "page_rows": ("runs.stream.log", "PAGE_ROWS"),
    "page_bytes": ("runs.stream.log", "PAGE_BYTES"),
    "looked_at": ("runs.stream.log", "LOOKED_AT"),
    "ping_seconds": ("runs.stream.course", "PING_SECONDS"),
}


def serve(arguments: dict[str, Any], listening: int) -> None:
    """Serves until it is ended."""
    from config.asgi import application
    from config.web_server import make_server

    for bound, value in arguments["tuning"].items():
        module, name = BOUNDS[bound]
        set_bound(module, name, value)
    make_server(application, [f"fd:fileno={listening}"]).run()


def set_bound(module: str, name: str, value: float) -> None:
    """Sets a constant; one that is no longer there is an error."""
    loaded = import_module(module)
    if not hasattr(loaded, name):
        raise AttributeError(f"{module} has no {name} any more: tests/rounds/web.py must name what took its place.")
    setattr(loaded, name, value)
