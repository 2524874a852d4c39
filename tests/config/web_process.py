"""A real web process for the tests of the edge, and its answers byte by byte."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from tests.serving import ROOT, free_port, wait_until

SERVE = """
import sys, django
django.setup()
from django.core.management import call_command
if sys.argv[3:]:
    call_command("migrate", verbosity=0)
import config.web_server
config.web_server.REQUEST_SECONDS = float(sys.argv[2])
from config.asgi import application
config.web_server.make_server(application, [f"tcp:{sys.argv[1]}:interface=127.0.0.1"]).run()
"""


@dataclass
class Web:
    """The web process alone, without workers."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    @contextlib.contextmanager
    def connected(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            yield connection

    def say(self, *parts: bytes) -> "Answer":
        """Sends, and reads what comes until the server closes."""
        with self.connected() as connection:
            for part in parts:
                connection.sendall(part)
            return read(connection)


@dataclass
class Answer:
    """All that a connection gave."""

    whole: bytes

    @property
    def status(self) -> int:
        return int(self.whole.split(b" ", 2)[1])

    @property
    def headers(self) -> Message:
        return BytesParser().parsebytes(self.whole.split(b"\r\n", 1)[1], headersonly=True)

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["Content-Type"] == "application/problem+json", self.whole
        body: dict[str, Any] = json.loads(self.whole.partition(b"\r\n\r\n")[2])
        assert body["status"] == self.status
        return body


def read(connection: socket.socket) -> Answer:
    """Everything until the server closes."""
    whole = b""
    while received := connection.recv(65536):
        whole += received
    return Answer(whole)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def serving(home: Path, *, request_seconds: float = 120, has_database: bool = False) -> Iterator[Web]:
    """A web process on its own data. Without a database it still answers all that needs none."""
    port = free_port()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "COVERAGE_PROCESS_START") if name in os.environ}
    environment = {**kept, "QUARTERDECK_HOME": str(home), "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", SERVE, str(port), str(request_seconds), *["migrate"] * has_database]
    log = home / "web.log"
    with log.open("wb") as errors:
        silent: dict[str, Any] = dict.fromkeys(("stdin", "stdout"), subprocess.DEVNULL)
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=errors, **silent)
    try:
        wait_until(lambda: _listens(port) or process.poll() is not None, 60)
        yield Web(process, port, log)
    finally:
        process.terminate()
        process.wait(20)
