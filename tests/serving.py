"""Real servers for tests: each is `bin/serve` on data of its own, on a free port."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from tests import databases
from tests.databases import Migrated

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "correct-horse-battery"


@dataclass
class Server:
    """A real `bin/serve` on its own data."""

    process: "subprocess.Popen[bytes]"
    address: str
    home: Path
    environment: dict[str, str]

    def stop(self) -> int:
        """SIGTERM, and its exit status."""
        self.process.terminate()
        return self.process.wait(20)


OPERATOR = "operator@example.com"
# Tests of a real server ask it every moment whether something has come true.
UNLIMITED = {
    f"QUARTERDECK_PARAM_LIMITS_{name}_PER_MINUTE": "1000000"
    for name in ("DEFAULT", "RUN_START", "STREAM_OPENS", "LOGINS")
}
StartServer = Callable[..., Server]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], Any], timeout_seconds: float = 60.0) -> Any:
    """Waits for a condition to hold and gives its value. Only a failure waits to its end: machines are busy."""
    deadline = time.monotonic() + timeout_seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)
    return value


def is_ready(address: str) -> bool:
    """Whether a server says that it is ready. It is asked often while it starts, so it must cost little."""
    connection = HTTPConnection(address.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def serving(folder: Path, migrated: Migrated) -> Iterator[StartServer]:
    """Starts real servers with their data below the folder, and stops them at the end."""
    started: list[Server] = []
    home = folder / "served"

    def start(*, new: bool = False, port: int | None = None, **environment: str) -> Server:
        if not started:
            database.update(stack.enter_context(databases.empty() if new else migrated.copied(home)))
        port = port or free_port()
        variables = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("QUARTERDECK", "DATABASE_URL"))},
            "QUARTERDECK_HOME": str(home),
            "QUARTERDECK_PARAM_SAFETY_ALLOW_LOCAL_REPOSITORIES": "true",
            "QUARTERDECK_PARAM_SAFETY_AUTO_GIT_PUSH": "true",
            "QUARTERDECK_PARAM_INDEX_AUTOMATIC": "false",
            **UNLIMITED,
            "DJANGO_SUPERUSER_EMAIL": OPERATOR,
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            **database,
            **environment,
        }
        log = (folder / "serve.log").open("ab")
        command = [sys.executable, "-m", "config.serve", "--port", str(port)]
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        server = Server(process, f"http://127.0.0.1:{port}", home, variables)
        started.append(server)
        wait_until(lambda: is_ready(server.address) or process.poll() is not None, 120)
        assert process.poll() is None, (folder / "serve.log").read_text()
        return server

    database: dict[str, str] = {}
    with ExitStack() as stack:
        try:
            yield start
        finally:
            for server in started:
                if server.process.poll() is None:
                    server.stop()
