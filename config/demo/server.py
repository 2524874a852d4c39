"""The demo's own server: `bin/serve` with a data folder, an operator and params that are its alone."""

import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from config.demo.road import DemoFailed

READY_SECONDS = 180.0  # a slow machine migrates for a minute; a server that ends is told of at once
STOP_SECONDS = 15.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class DemoServer:
    """A server process; `start`, then `address`, then `stop`."""

    def __init__(self, checkout: Path, home: Path, port: int) -> None:
        self._checkout, self._home = checkout, home
        self._port = port or _free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self.email, self.password = "captain@localhost.localdomain", secrets.token_urlsafe(12)
        self._log = home.parent / "serve.log"
        self.process: subprocess.Popen[bytes]

    def start(self) -> None:
        """Starts the server and waits until it is ready."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QUARTERDECK_PARAM_")},
            "QUARTERDECK_HOME": os.fspath(self._home),
            "QUARTERDECK_PARAM_SAFETY_AUTO_GIT_PUSH": "true",
            "QUARTERDECK_PARAM_SAFETY_ALLOW_LOCAL_REPOSITORIES": "true",
            "QUARTERDECK_PARAM_LIMITS_DEFAULT_PER_MINUTE": "6000",  # the road looks at status ten times a second
            "DJANGO_SUPERUSER_EMAIL": self.email,
            "DJANGO_SUPERUSER_PASSWORD": self.password,
        }
        for name in ("DATABASE_URL", "REDIS_URL", "QUARTERDECK_SECRET_KEY"):
            environment.pop(name, None)  # the embedded default, whatever this machine serves otherwise
        command = [sys.executable, "-m", "config.serve", "--port", str(self._port)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=self._checkout, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise DemoFailed(f"the server ended with {self.process.returncode} before it was ready")
            try:
                if httpx.get(f"{self.address}/readyz", timeout=5, trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise DemoFailed(f"the server was not ready after {READY_SECONDS:.0f} seconds")

    def stop(self) -> None:
        """Ends the server and everything that it started."""
        if hasattr(self, "process") and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def log_tail(self) -> str:
        """The last lines that the server wrote."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-30:]) if self._log.exists() else ""
