"""The road itself, as a client walks it: sign in, project, run, live events, diff, approve, commit, elevate, push."""

import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpx
from httpx_sse import connect_sse

from config.demo.output import Output
from config.demo.repositories import read_remote_branch

if TYPE_CHECKING:
    from config.demo.server import DemoServer

PROMPT = """\
Leave a note in the log book, and show that it is there.

```plan
Write the note
Show it
Count the files
```

```file LOGBOOK.md
# Log book

Quarterdeck was here.
```

```sh
cat LOGBOOK.md
```

```sh
echo "$(git ls-files | wc -l) files are tracked"
```
"""
WAIT_SECONDS = 300.0
ENDED = {"run_completed", "run_failed", "run_cancelled"}


class DemoFailed(Exception):
    """A step did not work; the text says which and why."""


class Road:
    """Walks the whole road on a ready server, printing as it goes."""

    def __init__(self, server: "DemoServer", out: Output) -> None:
        self._server, self._out = server, out
        self._client = httpx.Client(base_url=f"{server.address}/api", timeout=60, trust_env=False)

    def walk(self, repository: str) -> None:
        """Every step in order; DemoFailed at the first that does not work."""
        self._sign_in()
        project = self._make_project(repository)
        run = self._run(project)
        self._review(run)
        self._push(run, repository)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self._client.request(method, path, json=body)
        if answer.is_error:
            problem = answer.json()
            reasons = "; ".join(f"{error['pointer']}: {error['detail']}" for error in problem.get("errors", []))
            said = f"{problem['status']} {problem['code']}: {reasons or problem['detail']}"
            raise DemoFailed(f"{method} /api{path}: {said}")
        content: dict[str, Any] = answer.json()
        return content

    def _sign_in(self) -> None:
        body = {"email": self._server.email, "password": self._server.password, "deviceName": "bin/demo"}
        self._client.headers["Authorization"] = f"Bearer {self._call('POST', '/auth/token', body)['token']}"

    def _make_project(self, repository: str) -> dict[str, Any]:
        self._out.step("POST /api/projects: clone the repository")
        project = self._call("POST", "/projects", {"name": "Demo", "repositoryUrl": repository})
        project = self._wait(f"/projects/{project['id']}", lambda found: found["status"] in ("ready", "error"))
        if project["status"] == "error":
            raise DemoFailed(f"the clone failed: {project['error']['message']}")
        self._out.step(f"Cloned: branch {project['defaultBranch']} at {project['headCommit'][:12]}")
        return project

    def _wait(self, path: str, is_done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + WAIT_SECONDS
        while not is_done(found := self._call("GET", path)):
            if time.monotonic() > deadline:
                raise DemoFailed(f"/api{path} did not get ready within {WAIT_SECONDS:.0f} seconds")
            time.sleep(0.1)
        return found

    def _run(self, project: dict[str, Any]) -> dict[str, Any]:
        self._out.step("POST /api/runs, …/start: give the prompt to the agent")
        body = {"projectId": project["id"], "title": "Leave a note", "prompt": PROMPT, "selectedAgent": "script"}
        run = self._call("POST", "/runs", {**body, "safeMode": False})
        started = time.monotonic()
        self._call("POST", f"/runs/{run['id']}/start")
        last = ""
        for event in self._events(run["id"]):
            self._out.event(event)
            last = event["eventType"]
        if last != "run_completed":
            raise DemoFailed(f"the run ended with {last}")
        self._out.step(f"{time.monotonic() - started:.2f} s from start to run_completed")
        return run

    def _events(self, run_id: int) -> Iterator[dict[str, Any]]:
        with connect_sse(self._client, "GET", f"/runs/{run_id}/events/stream") as stream:
            if stream.response.is_error:
                raise DemoFailed(f"the event stream was refused: {stream.response.read().decode()}")
            for message in stream.iter_sse():
                if message.event == "agent_event" and message.data:
                    event = json.loads(message.data)
                    yield event
                    if event["eventType"] in ENDED:
                        return

    def _review(self, run: dict[str, Any]) -> None:
        path = f"/runs/{run['id']}"
        shown = self._wait(f"{path}/diff", lambda found: found["tree"] is not None)
        self._out.step(f"GET /api{path}/diff: {shown['stats']['files']} files changed")
        self._out.diff(shown["diff"])
        self._out.step(f"POST /api{path}/approve: exactly this tree")
        self._call("POST", f"{path}/approve", {"notes": "Looks good.", "tree": shown["tree"]})
        committed = self._call("POST", f"{path}/commit", {"message": "Leave a note in the log book"})
        self._out.step(f"Committed {committed['git']['commit'][:12]} on {committed['branch']}")

    def _push(self, run: dict[str, Any], repository: str) -> None:
        path = f"/runs/{run['id']}"
        self._out.step("POST /api/auth/elevate: pushing needs the password again")
        wanted = {"password": self._server.password, "abilities": ["git:push"]}
        elevated = self._call("POST", "/auth/elevate", wanted)
        self._client.headers["Authorization"] = f"Bearer {elevated['token']}"
        self._call("POST", f"{path}/push")
        done = self._wait(path, lambda found: found["git"]["pushStatus"] in ("pushed", "failed"))
        if done["git"]["pushStatus"] == "failed":
            raise DemoFailed(f"the push failed: {done['git']['pushError']['message']}")
        there = read_remote_branch(repository, done["branch"])
        if not there.startswith(done["git"]["commit"]):
            raise DemoFailed(f"the remote does not show the pushed commit: {there or 'no such branch'}")
        self._out.step(f"Pushed. The remote has: {there}")
