"""What a run reaches beside its model, as `safety.network` says; what it was refused is in its log."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from projects.models import Project
from runs.execution.sandbox.support import probe
from runs.models import Run
from settings_params.services.params import change_params
from tests.conftest import QueueRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
FETCH = (
    "import sys, urllib.request\n"
    "try: print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())\n"
    "except OSError as error: print('failed:', error, getattr(error, 'read', bytes)().decode())"
)


@pytest.fixture(autouse=True)
def _sandboxed() -> None:
    if not probe().is_available:
        pytest.skip(probe().reason)


class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from outside")

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def host() -> Iterator[str]:
    """A web server on this machine's loopback, at an address that programs do not take for their own."""
    with http.server.ThreadingHTTPServer(("127.0.0.2", 0), Hello) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.2:{server.server_port}"
        server.shutdown()


@pytest.fixture
def fetched(cloned: Project, api: APIClient, carry_out: QueueRun) -> Any:
    """What the agent's command, or a setup command, saw at an address."""

    def fetch(url: str, *, is_setup: bool = False) -> tuple[str, Run]:
        command = f'python3 -c "$(cat fetch.py)" {url}'
        script = f"cat > fetch.py <<'EOF'\n{FETCH}\nEOF\n{command}\nrm fetch.py"
        if is_setup:
            api.put(f"/api/projects/{cloned.pk}", {"setupCommands": [script]})
        run = carry_out("Hello." if is_setup else f"```sh\n{script}\n```\n")
        with run.commands.get().stdout.open() as stdout:
            return stdout.read().decode(), run

    return fetch


def refusals(api: APIClient, run: Run) -> list[dict[str, Any]]:
    rows = api.get(f"/api/runs/{run.pk}/events?limit=200&eventTypes=log").json()["data"]
    return [row for row in rows if "host" in row["data"]]


def test_by_default_there_is_no_way_out(fetched: Any, host: str) -> None:
    seen, _ = fetched(f"http://{host}/")

    assert seen.startswith("failed:")


def test_a_listed_host_is_reached(fetched: Any, host: str) -> None:
    changes = {"safety.network": "allowlist", "safety.network_allowlist": [host], "safety.allow_private_hosts": True}
    change_params(changes, actor=None, is_remote=False)

    assert fetched(f"http://{host}/")[0] == "hello from outside\n"


def test_setup_commands_reach_the_same(fetched: Any, host: str) -> None:
    changes = {"safety.network": "allowlist", "safety.network_allowlist": [host], "safety.allow_private_hosts": True}
    change_params(changes, actor=None, is_remote=False)

    assert fetched(f"http://{host}/", is_setup=True)[0] == "hello from outside\n"


def test_another_host_is_refused_and_the_log_says_which_and_by_what(api: APIClient, fetched: Any) -> None:
    change_params({"safety.network": "allowlist"}, actor=None, is_remote=False)
    seen, run = fetched("http://evil.example/")

    assert "Closed by safety.network_allowlist" in seen
    (told,) = refusals(api, run)
    assert told["data"] == {"host": "evil.example", "port": 80, "param": "safety.network_allowlist"}
    assert told["severity"] == "warning"
    assert "evil.example:80 is not among the hosts" in told["message"]


def test_an_open_network_is_the_machines_and_the_log_says_so(api: APIClient, fetched: Any, host: str) -> None:
    change_params({"safety.network": "open"}, actor=None, is_remote=False)
    seen, run = fetched(f"http://{host}/")

    assert seen == "hello from outside\n"
    rows = api.get(f"/api/runs/{run.pk}/events?limit=200&eventTypes=log").json()["data"]
    assert [row["severity"] for row in rows if row["message"].startswith("The network is open")] == ["warning"]
