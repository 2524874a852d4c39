"""`bin/serve`: what it says when it cannot start, and what it tells of its readiness."""

import ast
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from runs.execution.sandbox.support import probe
from runs.models import WorkerProcess
from tests.serving import ROOT, StartServer, free_port

Serve = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Starts a server that must end by itself, and gives its output."""

    def start(*arguments: str, prefix: tuple[str, ...] = (), **environment: str) -> "subprocess.CompletedProcess[str]":
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "COVERAGE_PROCESS_START") if name in os.environ}
        return subprocess.run(
            [*prefix, sys.executable, "-m", "config.serve", *arguments],
            cwd=ROOT,
            env={**kept, "QUARTERDECK_HOME": str(tmp_path / "home"), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return start


def told(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line that it has to say; a traceback is none."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.plumbing
def test_a_taken_port_is_named(serve: Serve) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        line = told(serve("--port", port))
    assert line.startswith(f"quarterdeck: Port {port} on 127.0.0.1 is in use")


@pytest.mark.plumbing
@pytest.mark.parametrize(
    "address",
    [
        "postgres://nobody:secret-word@127.0.0.1:1/none?pool_timeout=1",
        "postgres://nobody@/none?host=/nonexistent&pool_timeout=1",
    ],
)
def test_a_database_that_does_not_answer_is_told_of(serve: Serve, address: str) -> None:
    done = serve("--port", str(free_port()), DATABASE_URL=address)
    assert "the database cannot be used" in told(done)
    assert "Check DATABASE_URL" in told(done)
    assert "secret-word" not in done.stderr


@pytest.mark.plumbing
def test_what_the_databases_address_asks_of_connections_is_kept(tmp_path: Path) -> None:
    program = "from config.settings import DATABASES; print(DATABASES['default']['OPTIONS'])"
    environment = {
        "PATH": os.environ["PATH"],
        "QUARTERDECK_HOME": str(tmp_path),
        "DATABASE_URL": "postgres://somebody@database.example.com/name?sslmode=verify-full&pool_timeout=3",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    options = ast.literal_eval(done.stdout)
    assert (options["sslmode"], options["pool"]["timeout"]) == ("verify-full", 3)


@pytest.mark.plumbing
def test_a_database_address_that_cannot_be_read_is_told_of(serve: Serve) -> None:
    done = serve("--port", str(free_port()), DATABASE_URL="nonsense://x:secret-word@y/z")
    assert "DATABASE_URL" in told(done)
    assert "secret-word" not in done.stderr


@pytest.mark.plumbing
def test_a_home_that_is_a_file_is_told_of(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = told(serve("--port", str(free_port()), QUARTERDECK_HOME=str(tmp_path / "file")))
    assert "the data folder cannot be used" in line
    assert "QUARTERDECK_HOME" in line


@pytest.mark.plumbing
def test_a_home_that_cannot_be_written_is_told_of(serve: Serve) -> None:
    line = told(serve("--port", str(free_port()), QUARTERDECK_HOME="/proc/none/home"))
    assert "the data folder cannot be used" in line


@pytest.mark.plumbing
def test_a_full_disk_is_told_of(serve: Serve, tmp_path: Path) -> None:
    support = probe()
    if support.bwrap is None:
        pytest.skip(support.reason)
    home = tmp_path / "home"
    home.mkdir()
    on_a_small_disk = (
        str(support.bwrap),
        "--dev-bind",
        "/",
        "/",
        "--size",
        str(20 * 2**20),
        "--tmpfs",
        str(home),
        "--",
    )
    line = told(serve("--port", str(free_port()), prefix=on_a_small_disk))
    assert line.startswith(f"quarterdeck: the disk with {home} is full (")
    assert line.endswith("make room, then start again.")


@pytest.mark.plumbing
def test_a_home_in_use_is_refused(serve: Serve, start_server: StartServer) -> None:
    server = start_server()
    line = told(serve("--port", str(free_port()), QUARTERDECK_HOME=str(server.home)))
    assert f"Another Quarterdeck (process {server.process.pid}) is serving from {server.home}" in line


@pytest.mark.once
def test_it_begins_with_nothing_ends_in_peace_at_ctrl_c_and_starts_again(start_server: StartServer) -> None:
    server = start_server(new=True)
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(15) == 0
    assert start_server().stop() == 0


@pytest.mark.django_db
def test_without_workers_it_is_not_ready() -> None:
    answer = Client().get("/readyz")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (503, "not-ready")
    assert answer["Content-Type"].startswith("application/problem+json")
    assert "No worker of the queue 'runs' is alive" in body["detail"]


@pytest.mark.django_db
def test_a_worker_without_a_sign_of_life_does_not_count() -> None:
    for queue in ("runs", "default", "index"):
        then = timezone.now() - timedelta(minutes=5)
        WorkerProcess.objects.create(name=queue, queue=queue, last_seen_at=then)
    assert Client().get("/readyz").status_code == 503


@pytest.mark.django_db
def test_with_a_worker_for_each_queue_it_is_ready() -> None:
    for queue in ("runs", "default", "index"):
        WorkerProcess.objects.create(name=queue, queue=queue, last_seen_at=timezone.now())
    assert Client().get("/readyz").json()["status"] == "ready"


def test_alive_needs_nothing() -> None:
    assert Client().get("/healthz").json() == {"status": "ok"}
