"""Three runs of one project at the same time, each in a work tree of its own, by a real server."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from projects.git.repository import Repository
from tests.flows.client import Client
from tests.serving import StartServer, wait_until

RUNS = 3


def test_three_runs_of_one_project_work_at_once_and_do_not_see_each_other(
    start_server: StartServer, remote: Path
) -> None:
    server = start_server(QUARTERDECK_PARAM_RUNS_CONCURRENCY=str(RUNS))
    client = Client(server)
    project = client.make_project(remote)
    runs = [_start(client, project, number) for number in range(RUNS)]

    # Each of them waits for leave: none is over before all three are under way.
    asked = wait_until(lambda: _all(client, runs, lambda run: run["pendingPermissions"] == 1 and run))
    assert [run["status"] for run in asked] == ["running"] * RUNS
    assert len({run["branch"] for run in asked}) == RUNS
    with ThreadPoolExecutor(RUNS) as pool:
        list(pool.map(lambda run: _allow(client, run), runs))
    done = [client.wait_for(run, "completed", "failed") for run in runs]
    assert [run["status"] for run in done] == ["completed"] * RUNS

    with ThreadPoolExecutor(RUNS) as pool:
        list(pool.map(lambda run: client.post(f"/runs/{run}/approve", commit=True), runs))
    repository = Repository(server.home / "projects" / str(project) / "repository.git")
    for number, run in enumerate(done):
        assert [file["path"] for file in client.get(f"/runs/{run['id']}/files")["data"]] == [f"{number}.txt"]
        names = repository.run(["ls-tree", "-r", "--name-only", run["branch"]]).decode().split()
        assert names == [f"{number}.txt", "README.md", "app.py"]
    repository.run(["fsck", "--strict"])


def _start(client: Client, project: int, number: int) -> int:
    prompt = f'```sh\ntest "$(ls)" = "$(printf \'README.md\\napp.py\')" && echo {number} > {number}.txt\n```\n'
    body = {"projectId": project, "title": f"Run {number}", "prompt": prompt, "safeMode": True, "start": True}
    return int(client.post("/runs", selectedAgent="script", **body)["id"])


def _all(client: Client, runs: list[int], wanted: Any) -> Any:
    found = [wanted(client.get(f"/runs/{run}")) for run in runs]
    return found if all(found) else None


def _allow(client: Client, run: int) -> None:
    (question,) = client.get(f"/runs/{run}/permissions")["data"]
    client.post(f"/runs/{run}/permissions/{question['id']}", decision="allow_once")
