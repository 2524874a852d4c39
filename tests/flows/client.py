"""A client of a real server, as the flows' tests use it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import httpx
import psutil
from httpx_sse import ServerSentEvent, connect_sse

from tests.serving import OPERATOR, PASSWORD, Server, wait_until


class Client:
    """Signed in as the operator; every call must succeed unless it says otherwise. `close_all` is the fixtures'."""

    opened: ClassVar[list[httpx.Client]] = []

    @classmethod
    def close_all(cls) -> None:
        while cls.opened:
            cls.opened.pop().close()

    def __init__(self, server: Server) -> None:
        self.http = httpx.Client(base_url=server.address, timeout=30, trust_env=False)
        self.opened.append(self.http)
        signed_in = self.http.post("/api/auth/token", json={"email": OPERATOR, "password": PASSWORD})
        self.http.headers["Authorization"] = f"Bearer {signed_in.json()['token']}"

    def get(self, path: str) -> dict[str, Any]:
        answer = self.http.get(f"/api{path}")
        assert answer.is_success, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.http.post(f"/api{path}", json=body)
        assert answer.is_success, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def make_project(self, remote: Path | str) -> int:
        """The id of a ready project."""
        made = self.post("/projects", name="Sample", repositoryUrl=str(remote))
        path = f"/projects/{made['id']}"
        done = wait_until(lambda: (found := self.get(path))["status"] not in ("pending", "cloning") and found, 60)
        assert done["status"] == "ready", done["error"]
        return int(made["id"])

    def start_run(self, project: int, prompt: str) -> int:
        body = {"projectId": project, "title": "Try", "prompt": prompt, "safeMode": False, "start": True}
        return int(self.post("/runs", selectedAgent="script", **body)["id"])

    def wait_for(self, run: int, *statuses: str, seconds: float = 60) -> dict[str, Any]:
        """The run in one of these statuses."""
        done: dict[str, Any] = wait_until(
            lambda: (found := self.get(f"/runs/{run}"))["status"] in statuses and found, seconds
        )
        return done

    def events(self, run: int) -> list[dict[str, Any]]:
        """All events of a run, by pages."""
        found: list[dict[str, Any]] = []
        path = f"/runs/{run}/events?limit=200"
        while True:
            page = self.get(path + (f"&since={found[-1]['id']}" if found else ""))
            found += page["data"]
            if page["meta"]["nextCursor"] is None:
                return found

    def wait_for_event(self, run: int, wanted: Callable[[dict[str, Any]], bool], seconds: float = 60) -> None:
        wait_until(lambda: any(wanted(event) for event in self.events(run)), seconds)

    @contextmanager
    def stream(self, path: str, **headers: str) -> Iterator[tuple[httpx.Response, Iterator[ServerSentEvent]]]:
        """An open stream: its answer and its messages."""
        with connect_sse(self.http, "GET", f"/api{path}", headers=headers) as source:
            yield source.response, source.iter_sse()

    def streamed(self, path: str, **headers: str) -> list[dict[str, Any]]:
        """All events of a stream that ends by itself (`follow=false`)."""
        with self.stream(path, **headers) as (_, messages):
            return [json.loads(message.data) for message in messages if message.data]


def tree_of(server: Server) -> list[psutil.Process]:
    """The server's processes with all that they have started."""
    top = psutil.Process(server.process.pid)
    return [top, *top.children(recursive=True)]


def worker_of_agent(server: Server) -> psutil.Process:
    """The worker whose child an agent's sandbox is."""
    for child in psutil.Process(server.process.pid).children():
        if child.children():
            return child
    raise AssertionError("no worker has an agent")


def web_process(server: Server) -> psutil.Process:
    """The child that listens."""
    return next(
        child
        for child in psutil.Process(server.process.pid).children()
        if any(each.status == psutil.CONN_LISTEN for each in child.net_connections("tcp"))
    )
