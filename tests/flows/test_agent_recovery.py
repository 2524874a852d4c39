"""kill -9 while an agent is at work that is not the server's own: its session is opened again, nothing told twice."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil

from tests.flows.client import Client, tree_of, web_process
from tests.flows.test_recovery import check_end, is_alive, kill_worker
from tests.processes import alive
from tests.runs.agents import hostile
from tests.runs.test_resume import CUT_SHORT, agent
from tests.serving import PASSWORD, Server, StartServer, wait_until

SAYING = CUT_SHORT.replace('open("one.txt"', 'say("I have begun."); flush(); open("one.txt"')


def started(start_server: StartServer, remote: Path, folder: Path, body: str) -> tuple[Server, Client, int]:
    """A server whose agent is in the middle of its turn."""
    record = json.dumps([hostile.record(folder / "hostile", body)])
    server = start_server(QUARTERDECK_PARAM_PROVIDERS_CUSTOM_AGENTS=record)
    client = Client(server)
    body_of_elevation = {"password": PASSWORD, "abilities": ["settings:write"]}
    elevated = client.http.post("/api/auth/elevate", json=body_of_elevation).json()["token"]
    headers = {"Authorization": f"Bearer {elevated}"}
    enabled = client.http.put("/api/settings/providers/hostile", json={"enabled": True}, headers=headers)
    assert enabled.status_code == 200, enabled.text
    project = client.make_project(remote)
    fields = {"projectId": project, "title": "Try", "prompt": "Hello.", "safeMode": False, "start": True}
    run = int(client.post("/runs", selectedAgent="hostile", **fields)["id"])
    wait_until(lambda: list(server.home.rglob("one.txt")))
    client.wait_for_event(run, lambda event: event["message"] == "I have begun.")
    return server, client, run


def let_go(server: Server) -> None:
    for file in server.home.rglob("one.txt"):
        (file.parent / "go").touch()


def told(server: Server) -> list[str]:
    (file,) = server.home.rglob("told.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def said(events: list[dict[str, Any]]) -> str:
    """All of it: which pieces are one event depends on how fast they came."""
    return "".join(event["message"] for event in events if event["eventType"] == "agent_message")


def agents(folder: Path) -> list[psutil.Process]:
    """The programs themselves, not the sandboxes around them, whose command lines name them too."""
    script = str(folder / "hostile/agent.py")
    there = [each for each in psutil.process_iter(["cmdline", "name"]) if script in (each.info["cmdline"] or [])]
    return [each for each in alive(there) if each.info["name"].startswith("python")]


def test_a_worker_killed_while_its_agent_works(start_server: StartServer, remote: Path, tmp_path: Path) -> None:
    server, client, run = started(start_server, remote, tmp_path, agent(SAYING))
    before = client.events(run)
    kill_worker(server)
    wait_until(lambda: len(told(server)) == 4)
    assert agents(tmp_path) != []
    let_go(server)
    events = check_end(client, run, before, "+1\n+1\n")
    assert said(events) == "I have begun.I have begun.Done."  # once by each; what was shown again is no third
    first, prompt, again, prompt_again = told(server)
    assert (first, prompt, again) == ("session/new", "Hello.", "session/load")
    assert prompt_again.startswith("[From the server that runs you]")
    assert agents(tmp_path) == []


def test_a_server_killed_while_its_agent_works(start_server: StartServer, remote: Path, tmp_path: Path) -> None:
    server, client, run = started(start_server, remote, tmp_path, agent(SAYING + "loads = False\n"))
    before, processes = client.events(run), tree_of(server)
    client.http.close()
    server.process.kill()
    server.process.wait()
    wait_until(lambda: not alive(processes))
    assert agents(tmp_path) == []
    let_go(server)
    record = server.environment["QUARTERDECK_PARAM_PROVIDERS_CUSTOM_AGENTS"]
    again = Client(start_server(QUARTERDECK_PARAM_PROVIDERS_CUSTOM_AGENTS=record))
    events = check_end(again, run, before, "+1\n+1\n")
    (recap,) = [event["data"]["recap"] for event in events if "recap" in event["data"]]
    assert "    > You said: I have begun." in recap
    assert told(server) == ["session/new", "Hello.", "session/new", f"{recap}Hello."]


def test_a_killed_agent_fails_its_run_which_can_be_tried_again(
    start_server: StartServer, remote: Path, tmp_path: Path
) -> None:
    server, client, run = started(start_server, remote, tmp_path, agent(SAYING))
    before = client.events(run)
    (program,) = agents(tmp_path)
    os.kill(program.pid, signal.SIGKILL)
    failed = client.wait_for(run, "failed")
    assert failed["error"]["code"] == "agent-failed"
    assert failed["error"]["message"].startswith("The agent's process ended.")
    assert client.events(run)[: len(before)] == before
    wait_until(lambda: not agents(tmp_path))
    assert [file["path"] for file in client.get(f"/runs/{run}/files")["data"]] == ["one.txt"]
    client.post(f"/runs/{run}/retry")
    wait_until(lambda: len(list(server.home.rglob("one.txt"))) == 2)
    let_go(server)
    assert client.wait_for(run, "completed", "failed")["status"] == "completed"
    assert len(list(server.home.rglob("told.jsonl"))) == 2


def test_a_killed_web_process_changes_nothing_for_a_run(
    start_server: StartServer, remote: Path, tmp_path: Path
) -> None:
    server, client, run = started(start_server, remote, tmp_path, agent(SAYING))
    before = client.events(run)
    web = web_process(server)
    web.kill()
    let_go(server)
    wait_until(lambda: not alive([web]))
    wait_until(lambda: is_alive(server.address))
    events = check_end(client, run, before, "+1\n")
    assert "run_recovered" not in [event["eventType"] for event in events]
    assert (said(events), told(server)) == ("I have begun.Done.", ["session/new", "Hello."])


def test_a_cancel_right_after_its_worker_was_killed_ends_the_run(
    start_server: StartServer, remote: Path, tmp_path: Path
) -> None:
    server, client, run = started(start_server, remote, tmp_path, agent(SAYING))
    kill_worker(server)
    assert client.post(f"/runs/{run}/cancel")["status"] == "cancelled"
    wait_until(lambda: client.http.get(f"/api/runs/{run}/summary").status_code == 200)
    assert client.get(f"/runs/{run}/summary")["outcome"] == "cancelled"
    assert client.get(f"/runs/{run}")["status"] == "cancelled"
    wait_until(lambda: not agents(tmp_path))
