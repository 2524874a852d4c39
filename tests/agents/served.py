"""A real server with one real agent whose model follows a script, as its operator uses both: by HTTP."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from runs.execution.agents.registry import PROFILES
from runs.execution.model_server.script import Usage
from runs.execution.model_server.server import ModelServer, Request
from settings_params.providers import PROVIDERS, VENDORS
from settings_params.stored import KEPT_SECONDS
from tests.agents import installing, model
from tests.databases import Migrated
from tests.flows.client import Client, worker_of_agent
from tests.processes import alive
from tests.serving import PASSWORD, Server, serving, wait_until

PARAM = "QUARTERDECK_PARAM_"
KEY = "sk-real-key-of-the-operator"
MODEL = "scripted"
BUDGET_TOKENS = 50_000
LOST = "your former session is gone"
AT_REST = ("completed", "failed", "cancelled")
SECONDS = 120.0
"""Only a failure waits so long: a real agent takes seconds to start, on a busy machine some more."""


@dataclass(frozen=True)
class Served:
    """The server, its operator's client, the agent and its model, and a project."""

    agent: str
    server: Server
    client: Client
    model: ModelServer
    project: int

    def start(self, prompt: str, *, safe_mode: bool = False) -> "AgentRun":
        """A new run of the agent."""
        body = {"projectId": self.project, "title": "Try", "prompt": prompt, "safeMode": safe_mode, "start": True}
        return AgentRun(self, int(self.client.post("/runs", selectedAgent=self.agent, **body)["id"]))

    def agents(self) -> list[psutil.Process]:
        """The living processes of agents: all that the server's own processes have started."""
        own = psutil.Process(self.server.process.pid).children()
        return alive([each for child in own for each in _below(child)])

    def kill_agent(self) -> None:
        """kill -9 of the agent's own processes; nothing of its sandbox is left."""
        processes = self.agents()
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # the first one's end is that of the others
                if str(installing.cache_home()) in " ".join(process.cmdline()):
                    process.kill()
        wait_until(lambda: not alive(processes))

    def kill_worker(self) -> None:
        """kill -9 of the worker that has the agent; nothing of its sandbox is left."""
        processes = self.agents()
        worker_of_agent(self.server).kill()
        wait_until(lambda: not alive(processes))

    def remembers(self, words: str, count: int) -> bool:
        """Whether the first request after so many, of those with tools, had the words of the former session in it.

        An agent that cannot open a former session has been told what has happened instead.
        """
        found: Request = wait_until(lambda: next((r for r in self.model.requests[count:] if r.tools), None), SECONDS)
        return (words if PROFILES[self.agent].is_resumable else LOST) in found.text

    def spending_since(self, count: int) -> list[Request]:
        """Of the requests after so many those that follow a script which says what they use."""
        return [request for request in self.model.requests[count:] if request.usage != Usage()]

    def end_all(self) -> None:
        """Cancels what is not at rest, and waits until no agent is left."""
        for run in self.client.get("/runs?limit=100")["data"]:
            if "cancel" in run["allowedActions"]:
                self.client.post(f"/runs/{run['id']}/cancel")
        wait_until(lambda: not self.agents())

    def file(self, name: str) -> Path:
        """The file of that name in a run's work tree, once it is there."""
        trees = f"projects/{self.project}/workspaces/*/tree"
        found: Path = wait_until(lambda: next(self.server.home.glob(f"{trees}/{name}"), None), SECONDS)
        return found

    def set_param(self, key: str, value: Any) -> None:
        """Sets a server param, and comes back when every process of the server knows it."""
        _change_settings(self.client, "server-params", {key: value})
        time.sleep(KEPT_SECONDS)  # nothing tells from outside what a worker still remembers


@dataclass(frozen=True)
class AgentRun:
    """One run of the agent."""

    served: Served
    pk: int

    def get(self, path: str = "") -> dict[str, Any]:
        return self.served.client.get(f"/runs/{self.pk}{path}")

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        return self.served.client.post(f"/runs/{self.pk}/{path}", **body)

    def wait_for(self, *statuses: str) -> dict[str, Any]:
        """The run in one of these statuses."""
        return self.served.client.wait_for(self.pk, *statuses, seconds=SECONDS)

    def end(self) -> dict[str, Any]:
        """The run at rest."""
        return self.wait_for(*AT_REST)

    def events(self) -> list[dict[str, Any]]:
        return self.served.client.events(self.pk)

    def event_types(self) -> list[str]:
        return [event["eventType"] for event in self.events()]

    def rows(self, what: str) -> list[dict[str, Any]]:
        """Commands, files or permissions, oldest first."""
        found: list[dict[str, Any]] = self.get(f"/{what}")["data"]
        return sorted(found, key=lambda row: int(row["id"]))

    def question(self) -> dict[str, Any]:
        """The one that waits for an answer; fails when the run ends without one."""

        def asked() -> dict[str, Any] | None:
            pending = self._pending()
            if not pending:
                assert (run := self.get())["status"] not in AT_REST, run
            return pending[0] if pending else None

        found: dict[str, Any] = wait_until(asked, SECONDS)
        return found

    def reject_all(self) -> int:
        """Rejects whatever it asks until it is at rest; how often it has asked in all."""

        def is_over() -> bool:
            for question in self._pending():
                self.post(f"permissions/{question['id']}", decision="reject")
            return self.get()["status"] in AT_REST

        wait_until(is_over, SECONDS)
        return len(self.rows("permissions"))

    def _pending(self) -> list[dict[str, Any]]:
        return [row for row in self.rows("permissions") if row["status"] == "pending"]

    def answer(self, decision: str) -> dict[str, Any]:
        """Answers the question that waits next; gives the question."""
        question = self.question()
        self.post(f"permissions/{question['id']}", decision=decision)
        return question

    def output(self, command: dict[str, Any]) -> tuple[str, str]:
        """What a command has written to stdout and to stderr."""
        detail = self.get(f"/commands/{command['id']}")
        return self._blob(detail["stdoutUrl"]), self._blob(detail["stderrUrl"])

    def _blob(self, url: str | None) -> str:
        if url is None:
            return ""
        answer = self.served.client.http.get(url)
        assert answer.is_success, answer.text
        return answer.text

    def diff(self) -> str:
        answer = self.served.client.http.get(f"/api/runs/{self.pk}/diff", headers={"Accept": "text/x-diff"})
        assert answer.is_success, answer.text
        return answer.text


@contextmanager
def served(agent: str, folder: Path, migrated: Migrated, remote: Path) -> Iterator[Served]:
    """A server below the folder that has this agent, with a key of its vendor and a budget."""
    vendors = PROVIDERS[agent].vendors
    with model.served() as models, serving(folder, migrated) as start:
        installing.lend(folder / "served")
        environment = {
            f"{PARAM}RUNS_TOKEN_BUDGET": str(BUDGET_TOKENS),
            f"{PARAM}RUNS_CONCURRENCY": "1",
            **(environment_of(vendors[0], models.url) if vendors else {}),
        }
        server = start(**environment)
        client = Client(server)
        try:
            _enable(client, agent)
            yield Served(agent, server, client, models, client.make_project(remote))
        finally:
            client.http.close()


def environment_of(vendor: str, url: str) -> dict[str, str]:
    """The server params that make a vendor one whose only model is the scripted one."""
    assert vendor in VENDORS
    name = f"{PARAM}PROVIDERS_{vendor.upper()}"
    return {f"{name}_BASE_URL": url, f"{name}_API_KEY": KEY, f"{name}_MODELS": f'["{MODEL}"]'}


def _enable(client: Client, agent: str) -> None:
    state = _change_settings(client, f"providers/{agent}", {"enabled": True})
    assert state["available"], f"{agent}: {state['missing']}"


def _change_settings(client: Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Changes settings with a token that is good for that, for moments."""
    token = client.post("/auth/elevate", password=PASSWORD, abilities=["settings:write"])["token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.http.put(f"/api/settings/{path}", json=body, headers=headers)
    assert answer.is_success, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


def _below(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
