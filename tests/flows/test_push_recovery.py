"""kill -9 of the worker while a remote takes its time with a push: another one pushes the same again, told once."""

import os
import signal
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import git
from tests.flows.client import Client
from tests.processes import alive, words
from tests.projects.git.slow_remote import slow_remote
from tests.serving import PASSWORD, Server, StartServer, wait_until


def is_push(process: psutil.Process) -> bool:
    """Not any git: the code may just be indexed."""
    return "push" in words(process)


def kill_pushing_worker(server: Server) -> None:
    """kill -9 of the worker whose git is pushing; none of its processes is left."""
    workers = psutil.Process(server.process.pid).children()
    worker = next(each for each in workers if any(map(is_push, each.children(recursive=True))))
    started = worker.children(recursive=True)
    os.kill(worker.pid, signal.SIGKILL)
    wait_until(lambda: not alive(started))


def committed_run(client: Client, address: str) -> dict[str, Any]:
    run = client.start_run(client.make_project(address), "```file note.txt\nhello\n```")
    assert client.wait_for(run, "completed", "failed")["status"] == "completed"
    return client.post(f"/runs/{run}/approve", commit=True)


def test_a_worker_killed_in_the_middle_of_a_push(start_server: StartServer, remote: Path) -> None:
    with slow_remote(remote) as slow:
        server = start_server(
            QUARTERDECK_PARAM_SAFETY_ALLOW_PRIVATE_HOSTS="true", QUARTERDECK_PARAM_SAFETY_AUTO_GIT_PUSH="true"
        )
        client = Client(server)
        run = committed_run(client, slow.url)
        elevated = client.post("/auth/elevate", password=PASSWORD, abilities=["git:push"])
        client.http.headers["Authorization"] = f"Bearer {elevated['token']}"
        client.post(f"/runs/{run['id']}/push")
        wait_until(slow.has_asked)
        kill_pushing_worker(server)

        def settled() -> Any:
            found = client.get(f"/runs/{run['id']}")["git"]
            return found["pushStatus"] in ("pushed", "failed") and found

        done = wait_until(settled, 120)
        assert (done["pushStatus"], done["pushError"]) == ("pushed", None)
        events = [each["eventType"] for each in client.events(run["id"])]
    assert events.count("git_pushed") == 1
    assert git("rev-parse", f"refs/heads/{run['branch']}", cwd=remote).strip() == run["git"]["commit"]
