"""A quarter of a gibibyte of output through the real server: never whole in memory, however slowly it is read."""

import socket
import subprocess
import sys
import time
from dataclasses import dataclass

import httpx
import psutil
import pytest

from tests.processes import largest_bytes
from tests.serving import ROOT, Server, StartServer

SIZE = 1 << 28
ALLOWED_GROWTH_BYTES = 48 * 1024 * 1024
MAKE = f"""
import django
django.setup()
from django.core.files.storage import default_storage
from django.utils import timezone
from accounts.models import User
from projects.models import Project
from runs.blobs import sign
from runs.models import CommandExecution, Run

project = Project.objects.create(name="Sample", slug="sample", repository_url="https://git.example.com/a.git")
run = Run.objects.create(project=project, title="Try", prompt="Hello.", selected_agent="script")
fields = {{"attempt": 1, "tool_call_id": "1", "command": "make", "started_at": timezone.now()}}
command = CommandExecution.objects.create(run=run, stdout="sparse", stdout_bytes={SIZE}, **fields)
with open(default_storage.path("sparse"), "wb") as file:
    file.truncate({SIZE - 3})
    file.seek(0, 2)
    file.write(b"end")
print(sign(User.objects.get(), command, "stdout"))
"""


@dataclass
class Large:
    """The output, and the memory of those who serve it."""

    server: Server
    path: str

    @property
    def url(self) -> str:
        return self.server.address + self.path

    def memory_bytes(self) -> int:
        """Of the largest process of the server: the one that answers."""
        return largest_bytes(psutil.Process(self.server.process.pid).children(recursive=True))


@pytest.fixture
def large(start_server: StartServer) -> Large:
    server = start_server()
    command = [sys.executable, "-c", MAKE]
    (server.home / "blobs").mkdir(exist_ok=True)
    made = subprocess.run(command, cwd=ROOT, env=server.environment, capture_output=True, text=True, check=True)
    return Large(server, f"/api/blobs/{made.stdout.strip()}")


@pytest.mark.plumbing
def test_it_is_read_whole_in_parts_and_slowly_without_lying_in_memory(large: Large) -> None:
    """One server for all of it: starting one takes longer than the reading."""
    before = large.memory_bytes()
    _read_slowly(large, before)
    _read_whole(large, before)
    _read_the_end(large)


def _read_slowly(large: Large, before: int) -> None:
    host, _, port = large.server.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(f"GET {large.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK")
        for _ in range(20):  # in this time a server that does not wait has read hundreds of megabytes
            time.sleep(0.1)
            assert large.memory_bytes() - before < ALLOWED_GROWTH_BYTES


def _read_whole(large: Large, before: int) -> None:
    received = 0
    with httpx.stream("GET", large.url, trust_env=False, timeout=60) as answer:
        for chunk in answer.iter_raw():
            received, last = received + len(chunk), chunk
    assert (received, last[-3:]) == (SIZE, b"end")
    assert large.memory_bytes() - before < ALLOWED_GROWTH_BYTES


def _read_the_end(large: Large) -> None:
    answer = httpx.get(large.url, headers={"Range": "bytes=-3"}, trust_env=False, timeout=60)
    assert (answer.status_code, answer.content) == (206, b"end")
    assert answer.headers["Content-Range"] == f"bytes {SIZE - 3}-{SIZE - 1}/{SIZE}"
    whole = httpx.head(large.url, trust_env=False, timeout=60)
    assert (whole.status_code, whole.headers["Content-Length"], whole.content) == (200, str(SIZE), b"")
