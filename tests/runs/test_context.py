"""What a run's agent is shown of the code index with its prompt, and what the run's log says of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from docs_mgmt.services.queueing import request_docs
from docs_mgmt.services.regenerating import regenerate
from projects.index_models import ProjectIndex
from projects.models import Project
from projects.services.index_queue import queue_index
from projects.services.lifecycle import request_pull
from projects.services.pulling import pull_project
from runs.execution.executor import execute
from runs.models import Run
from settings_params.services.params import change_params
from tests.conftest import QueueRun
from tests.projects.indexed import CODE, index_all, push_files
from tests.runs.conftest import QueueHostile

pytestmark = pytest.mark.django_db(transaction=True)
TELLS = """
answer({"protocolVersion": 1})
answer({"sessionId": "s"})
asked = read()
open(os.environ["HOME"] + "/asked.json", "w").write(json.dumps(asked["params"]["prompt"]))
end(asked["id"])
"""
PROMPT = "Cancel an order twice: it must say so."


@pytest.fixture
def coded(remote: Path) -> str:
    """The remote has code; its commit."""
    return push_files(remote, CODE)


@pytest.fixture
def indexed(coded: str, cloned: Project) -> Project:
    """A project with an index."""
    pull(cloned)
    queue_index(cloned.pk, ProjectIndex.Work.UPDATE)
    index_all()
    return cloned


def pull(project: Project) -> None:
    """What the remote has got, as the project's owner asks for it."""
    request_pull(project, actor=project.memberships.get().user)
    pull_project(project.pk)
    project.refresh_from_db()


def done(run: Run) -> Run:
    execute(run.pk)
    run.refresh_from_db()
    assert run.status == "completed", run.error
    return run


def asked(run: Run) -> str:
    """The text that the agent was given as its prompt."""
    workspace = run.attempts.get().workspace
    assert workspace is not None
    blocks = json.loads((workspace.agent_home_path / "asked.json").read_text())
    return "".join(block["text"] for block in blocks if block["type"] == "text")


def events(run: Run, event_type: str) -> list[dict[str, Any]]:
    rows = run.events.filter(event_type=event_type).order_by("id").values_list("body", flat=True)
    return [json.loads("{" + body) for body in rows]


def notes(run: Run) -> list[str]:
    return [event["message"] for event in events(run, "log") if "code index" in event["message"]]


def test_an_agent_is_shown_what_was_found_after_its_prompt(
    queue_hostile: QueueHostile, indexed: Project, coded: str
) -> None:
    text = asked(done(queue_hostile(TELLS, prompt=PROMPT)))
    assert text.startswith(f"{PROMPT}\n\n[From the server that runs you] ")
    assert f"commit {coded[:12]}, at which your work tree began" in text
    assert "shop/orders.py | Orders of the shop | defines OrderStore" in text
    assert "    def cancel_order(self, number):\n" in text
    assert "1 binary" in text


def test_the_log_tells_all_that_was_shown_and_every_line_is_there(
    queue_hostile: QueueHostile, indexed: Project, coded: str
) -> None:
    run = done(queue_hostile(TELLS, prompt=PROMPT))
    (event,) = events(run, "context_retrieved")
    data = event["data"]
    assert (data["commit"], data["baseCommit"], data["isStale"]) == (coded, coded, False)
    assert data["tokens"] <= data["tokenBudget"] == 6000
    assert "shop/orders.py" in [file["path"] for file in data["files"]]
    for file in data["files"]:
        lines = CODE[file["path"]].splitlines()
        for passage in file["passages"]:
            assert f"==> {file['path']}:{passage['startLine']}-{passage['endLine']}" in asked(run)
            assert 1 <= passage["startLine"] <= passage["endLine"] <= len(lines)


def generated(indexed: Project, remote: Path) -> str:
    """Documents of a commit with a table in it."""
    sql = "CREATE TABLE orders (\n  number integer PRIMARY KEY,\n  customer integer REFERENCES customers (id)\n);\n"
    commit = push_files(remote, {"db/schema.sql": f"CREATE TABLE customers (id integer PRIMARY KEY);\n{sql}"})
    pull(indexed)
    queue_index(indexed.pk, ProjectIndex.Work.UPDATE)
    index_all()
    request_docs(indexed, actor=indexed.memberships.get().user)
    regenerate(indexed.pk)
    return commit


def test_tables_of_files_that_were_found_are_shown_and_told(
    queue_hostile: QueueHostile, indexed: Project, remote: Path
) -> None:
    generated(indexed, remote)
    run = done(queue_hostile(TELLS, prompt=PROMPT))
    line = "table orders (number int, customer int); customer refers to customers at db/schema.sql:2\n"
    assert line in asked(run)
    assert events(run, "context_retrieved")[0]["data"]["tables"] == ["customers", "orders"]


def test_tables_of_another_commit_are_not_shown(queue_hostile: QueueHostile, indexed: Project, remote: Path) -> None:
    generated(indexed, remote)
    push_files(remote, {"db/schema.sql": "CREATE TABLE orders (number integer PRIMARY KEY);\n"})
    pull(indexed)
    run = done(queue_hostile(TELLS, prompt=PROMPT))
    assert events(run, "context_retrieved")[0]["data"]["tables"] == []
    assert "table orders" not in asked(run)


def test_the_index_follows_to_the_runs_commit_first(
    queue_hostile: QueueHostile, indexed: Project, remote: Path, coded: str
) -> None:
    commit = push_files(remote, {"shop/refunds.py": "def refund_order():\n    pass\n"})
    pull(indexed)
    run = done(queue_hostile(TELLS, prompt="Mend refund_order"))
    assert events(run, "context_retrieved")[0]["data"]["commit"] == commit != coded
    assert "==> shop/refunds.py:1-2" in asked(run)


def test_an_index_that_cannot_follow_in_time_is_used_and_that_is_said(
    queue_hostile: QueueHostile, indexed: Project, remote: Path, coded: str
) -> None:
    commit = push_files(remote, {"shop/refunds.py": "def refund_order():\n    pass\n"})
    pull(indexed)
    change_params({"rag.index_wait_seconds": 0}, actor=None, is_remote=False)
    run = done(queue_hostile(TELLS, prompt=PROMPT))
    (event,) = events(run, "context_retrieved")
    assert (event["data"]["commit"], event["data"]["isStale"], event["severity"]) == (coded, True, "notice")
    assert f"your work tree began at {commit[:12]}" in asked(run)


def test_without_an_index_the_run_goes_on_and_says_so(queue_hostile: QueueHostile, coded: str) -> None:
    run = done(queue_hostile(TELLS, prompt=PROMPT))
    assert asked(run) == PROMPT
    assert notes(run) == ["The agent is shown nothing of the code index: there is no code index of this project yet."]


def test_a_damaged_index_does_not_fail_the_run(queue_hostile: QueueHostile, indexed: Project) -> None:
    path = indexed.code_index.path
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(b"no database" * 1000)
    change_params({"rag.index_wait_seconds": 0}, actor=None, is_remote=False)
    run = done(queue_hostile(TELLS, prompt=PROMPT))
    assert asked(run) == PROMPT
    assert len(notes(run)) == 1


@pytest.mark.parametrize("budget", [1, 150, 400])
def test_a_small_budget_is_kept(queue_hostile: QueueHostile, indexed: Project, budget: int) -> None:
    change_params({"rag.token_budget": budget}, actor=None, is_remote=False)
    run = done(queue_hostile(TELLS, prompt=PROMPT))
    shown = [event["data"]["tokens"] for event in events(run, "context_retrieved")]
    assert all(tokens <= budget for tokens in shown)
    assert bool(shown) == (asked(run) != PROMPT)


def test_a_run_without_it_a_budget_of_nothing_and_the_script_agent_get_the_prompt_alone(
    queue_hostile: QueueHostile, queue_run: QueueRun, indexed: Project
) -> None:
    assert asked(done(queue_hostile(TELLS, prompt=PROMPT, rag_enabled=False))) == PROMPT
    script = done(queue_run(PROMPT))
    change_params({"rag.token_budget": 0}, actor=None, is_remote=False)
    run = done(queue_hostile(TELLS, prompt=PROMPT))
    assert asked(run) == PROMPT
    assert [*events(run, "context_retrieved"), *events(script, "context_retrieved"), *notes(run)] == []


def test_new_projects_take_the_default_of_the_params(api: Any) -> None:
    change_params({"rag.enabled_default": False}, actor=None, is_remote=False)
    body = {"name": "New", "repositoryUrl": "https://example.com/x.git"}
    assert api.post("/api/projects", body, format="json").json()["defaults"]["ragEnabled"] is False
