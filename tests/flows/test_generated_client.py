"""A client that openapi-python-client makes from the schema of a real server walks the whole road, typed."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import git
from tests.serving import OPERATOR, PASSWORD, Server, StartServer, wait_until

PACKAGE = "quarterdeck_client"
PROMPT = "Leave a note.\n\n```file NOTE.md\nQuarterdeck was here.\n```\n"


class Generated:
    """The generated package; `call` runs one operation and checks its status, `model` makes a body."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.clients: list[Any] = []
        self.use(None)

    def use(self, token: str | None) -> None:
        """From here on with this token."""
        module = importlib.import_module(f"{PACKAGE}.client")
        options = {"base_url": self.address, "httpx_args": {"trust_env": False}, "timeout": httpx.Timeout(60)}
        kind = module.Client if token is None else module.AuthenticatedClient
        self.client = kind(**options) if token is None else kind(**options, token=token)
        self.clients.append(self.client)

    def model(self, kind: str, /, **members: Any) -> Any:
        """A body."""
        return getattr(importlib.import_module(f"{PACKAGE}.models"), kind)(**members)

    def call(self, operation: str, *arguments: Any, status: int = 200, **members: Any) -> Any:
        """The parsed answer of `group.operation`, of the type that the schema gives to that status."""
        module = importlib.import_module(f"{PACKAGE}.api.{operation}")
        answer = module.sync_detailed(*arguments, client=self.client, **members)
        assert answer.status_code == status, answer.content
        return answer.parsed

    def close(self) -> None:
        for client in self.clients:
            client.get_httpx_client().close()


def _generate(address: str, folder: Path) -> None:
    """Makes the package from the served schema; a warning of the generator's fails."""
    document = httpx.get(f"{address}/api/schema", trust_env=False, timeout=60).json()
    (folder / "schema.json").write_text(json.dumps(document))
    (folder / "generator.yml").write_text("post_hooks: []\n")
    command = [
        *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"),
        *("--path", "schema.json", "--config", "generator.yml", "--output-path", PACKAGE),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "arning" not in done.stdout + done.stderr


@pytest.fixture
def generated(start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Generated]:
    """The generated client of a real server, not signed in."""
    server: Server = start_server()
    _generate(server.address, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    made = Generated(server.address)
    yield made
    made.close()
    for name in [each for each in sys.modules if each.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def _sign_in(client: Generated) -> None:
    body = client.model("SignInRequest", email=OPERATOR, password=PASSWORD, device_name="generated")
    client.use(client.call("auth.auth_token", body=body, status=201).token)


def _project(client: Generated, remote: Path) -> int:
    body = client.model("ProjectRequest", name="Sample", repository_url=str(remote))
    made = client.call("projects.projects_create", body=body, status=201)
    done = wait_until(
        lambda: (found := client.call("projects.projects_retrieve", made.id)).status in ("ready", "error") and found
    )
    assert done.status == "ready", done.error
    return int(made.id)


def _completed_run(client: Generated, project: int) -> int:
    body = client.model(
        "RunDraftRequest", project_id=project, title="Note", prompt=PROMPT, selected_agent="script", safe_mode=False
    )
    run = client.call("runs.runs_create", body=body, status=201)
    assert run.status == "draft"
    assert client.call("runs.runs_start", run.id, status=202).id == run.id
    done = wait_until(
        lambda: (
            (found := client.call("runs.runs_retrieve", run.id)).status in ("completed", "failed", "cancelled")
            and found
        )
    )
    assert done.status == "completed", done.error
    return int(run.id)


def _read_log(client: Generated, run: int) -> None:
    """The log by pages, and as an app that wakes asks for it."""
    events = client.call("runs.runs_events_list", run, limit=200)
    assert [event.seq for event in events.data] == list(range(1, len(events.data) + 1))
    assert events.meta.last_event_id == events.data[-1].id

    woken = client.call("runs.runs_catch_up", run, limit=2)
    assert [event.id for event in woken.events] == [event.id for event in events.data[-2:]]
    assert (woken.run.status, woken.diff.stats.files, woken.cursor) == ("completed", 1, events.data[-1].id)
    assert woken.gap.before == woken.events[0].id
    assert client.call("runs.runs_catch_up", run, since=str(woken.cursor)).gap is None


@pytest.mark.once
def test_the_whole_road_with_a_generated_client(generated: Generated, remote: Path) -> None:
    client = generated
    refused = client.call("auth.auth_me", status=401)
    assert (type(refused).__name__, refused.code) == ("UnauthenticatedProblem", "unauthenticated")

    _sign_in(client)
    assert client.call("auth.auth_me").email == OPERATOR
    assert [session.name for session in client.call("auth.auth_tokens_list").data] == ["generated"]

    body = client.model("ProjectRequest", name="Sample", repository_url="ext::sh")
    refused = client.call("projects.projects_create", body=body, status=422)
    assert [error.pointer for error in refused.errors] == ["/repositoryUrl"]
    project = _project(client, remote)
    assert [each.id for each in client.call("projects.projects_list").data] == [project]
    assert [each.role for each in client.call("projects.projects_members_list", project).data] == ["owner"]

    run = _completed_run(client, project)
    again = client.call("runs.runs_start", run, status=409)
    assert (type(again).__name__, again.current_status) == ("RunNotStartableProblem", "completed")

    _read_log(client, run)
    diff = client.call("runs.runs_diff", run)
    assert "NOTE.md" in diff.diff
    assert (diff.stats.files, diff.truncated) == (1, False)
    assert client.call("runs.runs_summary", run).changed_files[0].path == "NOTE.md"
    assert [file.path for file in client.call("runs.runs_files_list", run).data] == ["NOTE.md"]

    body = client.model("ApproveRequest", notes="Good.", tree=diff.tree)
    assert client.call("runs.runs_approve", run, body=body).review.stale is False
    committed = client.call("runs.runs_commit", run, body=client.model("CommitRequest", message="Note"))
    assert committed.git.commit

    refused = client.call("runs.runs_push", run, body=client.model("PushRequest"), status=403)
    assert (type(refused).__name__, refused.required_ability) == ("MissingAbilityProblem", "git:push")
    kinds = importlib.import_module(f"{PACKAGE}.models").ElevateAbilitiesEnum
    body = client.model("ElevateRequest", password=PASSWORD, abilities=[kinds("git:push"), kinds("settings:write")])
    client.use(client.call("auth.auth_elevate", body=body, status=201).token)
    client.call("runs.runs_push", run, body=client.model("PushRequest"), status=202)
    pushed = wait_until(
        lambda: (found := client.call("runs.runs_retrieve", run)).git.push_status in ("pushed", "failed") and found
    )
    assert pushed.git.push_status == "pushed", pushed.git.push_error
    assert git("rev-parse", pushed.branch, cwd=remote).strip() == pushed.git.commit

    params = {each.key: each for each in client.call("settings.settings_server_params_list").data}
    assert params["safety.auto_git_push"].value is True
