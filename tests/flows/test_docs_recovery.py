"""kill -9 of the worker that generates documents: what reads the code ends with it, and another worker goes on."""

import os
import signal
from pathlib import Path

import psutil

from tests.conftest import git
from tests.flows.client import Client
from tests.processes import alive, words
from tests.serving import Server, StartServer, wait_until

READER = "docs_mgmt.generators.child"


def reader_of(server: Server) -> psutil.Process | None:
    """The process that reads the code now."""
    processes = psutil.Process(server.process.pid).children(recursive=True)
    return next((process for process in processes if READER in words(process)), None)


def test_a_worker_killed_while_it_generates_documents(start_server: StartServer, remote: Path) -> None:
    work = remote.parent / "origin"
    (work / "schema.sql").write_text("".join(f"CREATE TABLE t{number} (id integer);\n" for number in range(2000)))
    git("add", ".", cwd=work)
    git("commit", "-q", "-m", "Tables", cwd=work)
    git("push", "-q", remote, "main", cwd=work)
    server = start_server(QUARTERDECK_PARAM_INDEX_AUTOMATIC="true")
    client = Client(server)
    path = f"/projects/{client.make_project(remote)}"
    wait_until(lambda: client.get(path)["index"]["status"] == "ready")
    client.post(f"{path}/docs/regenerate")
    reader = wait_until(lambda: reader_of(server))
    parent = reader.parent()
    assert parent is not None
    os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not alive([reader]))
    done = wait_until(lambda: (found := client.get(path))["docs"]["status"] in ("ready", "error") and found)
    assert (done["docs"]["status"], done["docs"]["error"]) == ("ready", None)
    assert len(client.get(f"{path}/schema")["tables"]) == 2000
    assert not list(server.home.glob("projects/*/reading-code"))
