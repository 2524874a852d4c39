"""A headless Chromium driven over a pipe by its DevTools protocol: pages, scripts, values. Nothing outside loopback.

The protocol: messages of JSON that each end with a NUL, read from descriptor 3, written to 4.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.browser import installing

ANSWER_SECONDS = 120.0
STOP_SECONDS = 15.0
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
    *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost", "--remote-debugging-pipe"),
)
BECOME = """
import os, sys
ends = [os.dup(os.dup(os.dup(int(end)))) for end in sys.argv[1:3]]  # away from 3 and 4
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class ScriptFailed(Exception):
    """A script in a page threw, or the browser refused a command; the message is theirs."""


class Browser:
    """One browser process; for one thread."""

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer = reader, writer
        self._unread = b""
        self._number = 0

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """One command and its answer, events in between dropped. Raises ScriptFailed, or TimeoutError."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        self._write(json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_SECONDS
        while (answer := self._message(deadline)).get("id") != self._number:
            pass
        if "error" in answer:
            raise ScriptFailed(f"{method}: {answer['error'].get('message')}")
        result: dict[str, Any] = answer["result"]
        return result

    def open_page(self, address: str = "about:blank", **of_context: str) -> "Page":
        """A new page, of a context of its own (`browserContextId`) where one is named: its cookies are no other's."""
        target = self.call("Target.createTarget", url=address, **of_context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, target, session)

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._writer, data) :]

    def _message(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._unread:
            if not select.select([self._reader], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError("The browser does not answer.")
            if not (read := os.read(self._reader, 1 << 20)):
                raise ScriptFailed("The browser has ended.")
            self._unread += read
        text, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message


class Page:
    """One tab."""

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session

    def evaluate(self, expression: str) -> Any:
        """An expression's value, as JSON can tell it; a promise is awaited. Raises ScriptFailed where it throws."""
        answer = self._browser.call(
            "Runtime.evaluate", self._session, expression=expression, awaitPromise=True, returnByValue=True
        )
        if thrown := answer.get("exceptionDetails"):
            raise ScriptFailed(thrown.get("exception", {}).get("description") or thrown["text"])
        return answer["result"].get("value")

    def call(self, function: str, *arguments: Any) -> Any:
        """What a function of the page's gives for these arguments."""
        return self.evaluate(f"({function})({', '.join(map(json.dumps, arguments))})")

    def close(self) -> None:
        """Ends the tab."""
        self._browser.call("Target.closeTarget", targetId=self._target)


@contextlib.contextmanager
def running() -> Iterator[Browser]:
    """A browser with a fresh profile, ended at the end. Raises FileNotFoundError where none is installed."""
    to_browser, from_browser = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-browser-", ignore_cleanup_errors=True) as profile:
        process = _start(Path(profile), to_browser[0], from_browser[1])
        os.close(to_browser[0])
        os.close(from_browser[1])
        try:
            yield Browser(from_browser[0], to_browser[1])
        finally:
            os.close(to_browser[1])  # it ends when nobody can speak to it any more
            _wait(process)
            os.close(from_browser[0])


def _start(profile: Path, reader: int, writer: int) -> "subprocess.Popen[bytes]":
    """Through a Python, which puts the two ends at the numbers that the browser looks at and becomes the browser."""
    home = installing.folder()
    environment = {
        **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
        "HOME": str(profile),
        "LD_LIBRARY_PATH": str(home / "lib"),
        "FONTCONFIG_FILE": str(home / "fonts.conf"),
    }
    command = [str(installing.program()), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    return subprocess.Popen(
        [sys.executable, "-ISc", BECOME, str(reader), str(writer), *command],
        env=environment,
        cwd=profile,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(reader, writer),
    )


def _wait(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
