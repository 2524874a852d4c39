"""Remotes on loopback for the tests: smart HTTP by git's own CGI program, fixed HTTP answers, git's own daemon."""

import base64
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.projects.git.sample import ENVIRONMENT

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def http_server(answer: Answer, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serves on loopback, every request by `answer`; gives the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def do_POST(self) -> None:
            answer(self)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def status(code: int, **headers: str) -> Answer:
    """An answer of that status, whatever is asked."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def smart_http(root: Path) -> Answer:
    """git-http-backend(1) over the repositories below `root`, pushing allowed."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        path, _, query = handler.path.partition("?")
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        variables = ENVIRONMENT | {
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": handler.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": handler.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": handler.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "somebody",
        }
        done = subprocess.run(["git", "http-backend"], env=variables, input=body, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        handler.send_response(int(fields.pop("Status", "200 OK").split(" ")[0]))
        for name, value in fields.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def with_login(answer: Answer, username: str, password: str) -> Answer:
    """The answer to whom Basic authentication (RFC 7617) proves to know the password, else 401."""
    wanted = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()

    def guarded(handler: BaseHTTPRequestHandler) -> None:
        if handler.headers.get("Authorization") == wanted:
            return answer(handler)
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        return status(401, WWW_Authenticate='Basic realm="git"')(handler)

    return guarded


@contextmanager
def git_daemon(root: Path) -> Iterator[int]:
    """git-daemon(1) on loopback; gives the port."""
    port = free_port()
    command = ["git", "daemon", "--listen=127.0.0.1", f"--port={port}", f"--base-path={root}", "--export-all"]
    daemon = subprocess.Popen([*command, "--reuseaddr", str(root)], env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port, daemon)
        yield port
    finally:
        daemon.terminate()
        daemon.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fake_ssh(folder: Path, script: str) -> str:
    """A PATH on which `ssh` is a shell script: stands for the other side's program, which is not ours."""
    folder.mkdir()
    program = folder / "ssh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def wait_for_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Waits until the process listens."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the daemon did not start")
