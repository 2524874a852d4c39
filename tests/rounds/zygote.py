"""Has loaded the server once and forks its processes: one begins in some 20 ms, as often as a round kills one.

It is asked over a socket pair (one JSON message each, with at most one descriptor for the child) and forks, or waits
for the end of a child: until then no other process gets its id. Its own end, however it comes, is that of all children.
"""

import gc
import json
import os
import signal
import socket
import sys
import traceback
from importlib import import_module
from typing import Any

from config import lifeline

MAX_MESSAGE_BYTES = 1 << 20
LOADED = (
    # What a web process loads after its fork, but for what makes an event loop, which no two may share.
    *("config.asgi", "runs.stream.hub", "channels.auth", "twisted.web.http", "twisted.internet.endpoints"),
    *("autobahn.wamp.message", "autobahn.websocket.protocol", "click", "hyperlink"),
    *("tests.rounds.world", "tests.rounds.writers", "runs.workers.recovery"),
)


def main(control: socket.socket) -> None:
    """Serves requests until the other end is closed."""
    import django

    django.setup()
    from django.urls import get_resolver

    for name in LOADED:
        import_module(name)
    _ = get_resolver().url_patterns
    lifeline_end, lifeline_held = os.pipe()
    gc.collect()
    gc.freeze()
    control.send(b"{}")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MAX_MESSAGE_BYTES, 1)
        if not message:
            return
        asked = json.loads(message)
        if "reap" in asked:
            _, status = os.waitpid(asked["reap"], 0)
            control.send(json.dumps({"status": os.waitstatus_to_exitcode(status)}).encode())
            continue
        child = os.fork()
        if not child:
            os.close(lifeline_held)
            control.close()
            _become(asked["task"], asked["arguments"], descriptors, lifeline_end)
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(json.dumps({"child": child}).encode())


def _become(task: str, arguments: dict[str, Any], descriptors: list[int], lifeline_end: int) -> None:
    """The child: does its task and ends, without the parent's exit handlers."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        lifeline.hold_to(lifeline_end)
        module, _, function = task.partition(":")
        getattr(import_module(f"tests.rounds.{module}"), function)(arguments, *descriptors)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
