"""kill -9 of the worker while a remote is sending: nothing of git is left, and another worker goes on."""

import os
import signal
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import git
from tests.flows.client import Client
from tests.processes import alive, words
from tests.projects.git.remotes import http_server, smart_http
from tests.serving import Server, StartServer, wait_until

LARGE_BYTES = 1 << 20


class Slow:
    """A remote that stops in the middle of what it sends until it is let go on."""

    def __init__(self, root: Path) -> None:
        self._serve, self.sending, self.go_on = smart_http(root), threading.Event(), threading.Event()

    def hold(self) -> None:
        self.sending.clear()
        self.go_on.clear()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        write = handler.wfile.write

        def write_slowly(data: Any) -> int:
            if len(data) < LARGE_BYTES // 2 or self.go_on.is_set():
                return write(data)
            write(data[: len(data) // 2])
            self.sending.set()
            self.go_on.wait(60)
            try:
                return write(data[len(data) // 2 :])
            except OSError:  # whoever asked was killed
                return len(data)

        handler.wfile.write = write_slowly  # type: ignore[method-assign]  # this handler's alone
        self._serve(handler)


def add_large_file(remote: Path) -> str:
    """A commit of bytes that do not compress; its id."""
    work = remote.parent / "origin"
    (work / "large").write_bytes(os.urandom(LARGE_BYTES))
    git("add", ".", cwd=work)
    git("commit", "-q", "-m", "Large", cwd=work)
    git("push", "-q", remote, "HEAD:main", cwd=work)
    return git("rev-parse", "HEAD", cwd=work).strip()


def kill_fetching_worker(server: Server) -> None:
    """kill -9 of the worker whose git is fetching; none of its processes is left."""
    workers = psutil.Process(server.process.pid).children()
    worker = next(each for each in workers if any("git" in words(child) for child in each.children(recursive=True)))
    started = worker.children(recursive=True)
    os.kill(worker.pid, signal.SIGKILL)
    wait_until(lambda: not alive(started), 10)


def test_a_worker_killed_in_the_middle_of_a_clone_and_of_a_pull(start_server: StartServer, remote: Path) -> None:
    slow = Slow(remote.parent)
    first = add_large_file(remote)
    with http_server(slow) as base:
        server = start_server(QUARTERDECK_PARAM_SAFETY_ALLOW_PRIVATE_HOSTS="true")
        client = Client(server)
        path = f"/projects/{client.post('/projects', name='a', repositoryUrl=f'{base}/remote.git')['id']}"

        def settled(commit: str) -> None:
            assert slow.sending.wait(60)
            kill_fetching_worker(server)
            slow.go_on.set()
            done = wait_until(lambda: (found := client.get(path))["status"] in ("ready", "error") and found, 60)
            assert (done["status"], done["error"], done["headCommit"]) == ("ready", None, commit)

        settled(first)
        slow.hold()
        second = add_large_file(remote)
        client.post(f"{path}/pull")
        settled(second)
    repository = next(server.home.glob("projects/*/repository.git"))
    git("fsck", "--strict", cwd=repository)
    assert "quarterdeck/incoming" not in git("for-each-ref", cwd=repository)
