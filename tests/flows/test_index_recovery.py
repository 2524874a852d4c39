"""kill -9 of the worker that indexes: its parsers are gone, the old index serves, and another worker goes on."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil

from tests.flows.client import Client
from tests.processes import alive, words
from tests.projects.indexed import push_files
from tests.serving import Server, StartServer, wait_until

FILES = 500


def indexing_worker(server: Server) -> psutil.Process | None:
    """The worker that has processes that parse."""
    with suppress(psutil.Error):  # one that has just ended
        for worker in psutil.Process(server.process.pid).children():
            if any("parser_process.py" in " ".join(words(child)) for child in worker.children()):
                return worker
    return None


def code(turn: int) -> dict[str, str | None]:
    """As much as takes a while."""
    body = "".join(f"def name_{line}_{turn}(value):\n    return value\n\n\n" for line in range(60))
    return {f"many/{number}.py": f"# {number}\n{body}" for number in range(FILES)}


def test_a_worker_killed_while_it_indexes(start_server: StartServer, remote: Path) -> None:
    server = start_server(QUARTERDECK_PARAM_INDEX_AUTOMATIC="true")
    client = Client(server)
    path = f"/projects/{client.post('/projects', name='a', repositoryUrl=f'file://{remote}')['id']}"
    first = wait_until(lambda: (found := client.get(path)["index"])["status"] == "ready" and found)
    second = push_files(remote, code(2))
    client.post(f"{path}/pull")
    worker = wait_until(lambda: indexing_worker(server))
    started = worker.children(recursive=True)

    os.kill(worker.pid, signal.SIGKILL)

    wait_until(lambda: not alive(started), 20)
    assert client.get(f"{path}/search?q=hello")["meta"]["commit"] == first["commit"]
    last = wait_until(lambda: (found := client.get(path)["index"])["status"] == "ready" and found, 120)
    assert (last["commit"], last["files"]) == (second, FILES + 2)
    left = {each.name for each in next(server.home.glob("projects/*/indexes")).iterdir()}
    assert {name[:40] for name in left if name.endswith(".sqlite")} == {first["commit"], second}
