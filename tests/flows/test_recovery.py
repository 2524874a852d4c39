"""What is left after kill -9 and SIGTERM at the worst moment: nothing running, no event lost, the run goes on."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx

from tests.flows.client import Client, tree_of, web_process, worker_of_agent
from tests.processes import alive
from tests.serving import Server, StartServer, wait_until

# The second block waits on its first run only, until it is killed: the run that goes on finds `begun`.
PROMPT = (
    "```sh\necho once >> log.txt\n```\n"
    "```sh\ntest -e begun || { touch begun; sleep 300; }\necho twice >> log.txt\n```\n"
)


def started(start_server: StartServer, remote: Path) -> tuple[Server, Client, int]:
    """A server whose agent is in the middle of its second step."""
    server = start_server()
    client = Client(server)
    run = client.start_run(client.make_project(remote), PROMPT)
    client.wait_for_event(run, lambda event: "begun" in str(event["data"].get("command", "")))
    wait_until(lambda: list(server.home.rglob("begun")))
    return server, client, run


def check_story(client: Client, run: int, before: list[dict[str, Any]]) -> None:
    """Complete, recovered once, nothing repeated."""
    events = check_end(client, run, before, "+once\n+twice\n")
    assert [event["eventType"] for event in events].count("run_recovered") == 1


def check_end(client: Client, run: int, before: list[dict[str, Any]], added: str) -> list[dict[str, Any]]:
    """Complete, with these lines in its log file, every event that was there is there, and seq has no gap."""
    done = client.wait_for(run, "completed", "failed", seconds=90)
    assert done["status"] == "completed", done["error"]
    events = client.events(run)
    assert events[: len(before)] == before
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    diff = client.http.get(f"/api/runs/{run}/diff", headers={"Accept": "text/x-diff"}).text
    assert added in diff
    return events


def kill_worker(server: Server) -> None:
    """kill -9 of the worker that has the agent; nothing of the agent is left."""
    worker = worker_of_agent(server)
    agents = worker.children(recursive=True)
    os.kill(worker.pid, signal.SIGKILL)
    wait_until(lambda: not alive(agents))


def test_a_worker_killed_in_the_middle_of_a_run(start_server: StartServer, remote: Path) -> None:
    server, client, run = started(start_server, remote)
    before = client.events(run)
    kill_worker(server)
    check_story(client, run, before)
    client.http.close()


def test_a_worker_killed_while_its_run_is_paused(start_server: StartServer, remote: Path) -> None:
    server, client, run = started(start_server, remote)
    client.post(f"/runs/{run}/pause")
    before = client.events(run)
    kill_worker(server)
    assert client.get(f"/runs/{run}")["status"] == "paused"
    client.post(f"/runs/{run}/resume")
    check_end(client, run, before, "+once\n+twice\n")
    client.http.close()


def test_a_worker_killed_before_its_agent_has_read_a_message(start_server: StartServer, remote: Path) -> None:
    server, client, run = started(start_server, remote)
    client.post(f"/runs/{run}/messages", text="```sh\necho third >> log.txt\n```\n")
    before = client.events(run)
    kill_worker(server)
    check_end(client, run, before, "+once\n+twice\n+third\n")
    client.http.close()


def test_a_worker_killed_in_a_second_attempt(start_server: StartServer, remote: Path) -> None:
    server = start_server()
    client = Client(server)
    failing = f'```sh\ntest -n "$(git branch --show-current | grep -- -2-)"\n```\n{PROMPT}'
    run = client.start_run(client.make_project(remote), failing)
    client.wait_for(run, "failed")
    client.post(f"/runs/{run}/retry")
    wait_until(lambda: list(server.home.rglob("begun")))
    before = client.events(run)
    kill_worker(server)
    check_end(client, run, before, "+once\n+twice\n")
    assert client.get(f"/runs/{run}")["attempt"] == 2
    client.http.close()


def test_a_server_killed_in_the_middle_of_a_run(start_server: StartServer, remote: Path) -> None:
    server, client, run = started(start_server, remote)
    before, processes = client.events(run), tree_of(server)
    client.http.close()
    server.process.kill()
    server.process.wait()
    began = time.monotonic()
    wait_until(lambda: not alive(processes), 10)
    assert time.monotonic() - began < 3
    again = Client(start_server())
    check_story(again, run, before)
    again.http.close()


def test_a_server_stopped_in_the_middle_of_a_run(start_server: StartServer, remote: Path) -> None:
    server, client, run = started(start_server, remote)
    before, processes = client.events(run), tree_of(server)
    client.http.close()
    began = time.monotonic()
    server.process.terminate()
    assert server.process.wait(15) == 0
    assert time.monotonic() - began < 10
    assert not alive(processes)
    again = Client(start_server())
    check_story(again, run, before)
    again.http.close()


def test_a_killed_web_process_comes_back(start_server: StartServer) -> None:
    server = start_server()
    web = web_process(server)
    web.kill()
    wait_until(lambda: not alive([web]))
    wait_until(lambda: is_alive(server.address))


def is_alive(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", trust_env=False, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def test_a_worker_killed_in_the_middle_of_a_setup(start_server: StartServer, remote: Path) -> None:
    server = start_server()
    client = Client(server)
    project = client.make_project(remote)
    setup = ["echo first >> log.txt", "test -e begun || { touch begun; sleep 300; }; echo second >> log.txt"]
    answer = client.http.put(f"/api/projects/{project}", json={"setupCommands": setup})
    assert answer.status_code == 200, answer.text
    run = client.start_run(project, "```sh\necho agent >> log.txt\n```\n")
    # Its second command has begun, and that is written down.
    wait_until(lambda: list(server.home.rglob("begun")) and len(client.get(f"/runs/{run}/commands")["data"]) == 2)
    before = client.events(run)
    kill_worker(server)
    check_end(client, run, before, "+first\n+second\n+agent\n")
    rows = sorted(client.get(f"/runs/{run}/commands")["data"], key=lambda row: row["id"])
    assert [(row["phase"], row["status"]) for row in rows] == [
        ("setup", "finished"),
        ("setup", "lost"),
        ("setup", "finished"),
        ("agent", "finished"),
    ]
    client.http.close()
