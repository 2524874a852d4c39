"""The search of the code index as a tool: which agents are given it, and that it works in their sandbox."""

import json
from pathlib import Path
from typing import Any

import pytest

from projects.index_models import ProjectIndex
from projects.models import Project
from projects.services.index_queue import queue_index
from runs.models import Run
from settings_params.services.params import change_params
from tests.projects.indexed import CODE, index_all, push_files
from tests.runs.conftest import QueueHostile
from tests.runs.test_context import done, pull
from tests.runs.test_mcp_servers import add, logged

pytestmark = pytest.mark.django_db(transaction=True)
SEARCHES = """
import subprocess
answer({"protocolVersion": 1, "agentCapabilities": {"mcpCapabilities": {}, "loadSession": True}})
servers = answer({"sessionId": "s"})["params"]["mcpServers"]
prompt_id = read()["id"]
call = {"name": "search_code", "arguments": {"query": "cancel_order"}}
for server in servers:
    lines = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode() + bytes([10])
    done = subprocess.run([server["command"], *server["args"]], input=lines, capture_output=True)
    open(os.environ["HOME"] + "/found.json", "wb").write(done.stdout or done.stderr)
end(prompt_id)
"""


@pytest.fixture
def indexed(remote: Path, cloned: Project) -> Project:
    push_files(remote, CODE)
    pull(cloned)
    queue_index(cloned.pk, ProjectIndex.Work.UPDATE)
    index_all()
    return cloned


def found(run: Run) -> dict[str, Any] | None:
    """What the tool answered to the agent; None where it had none."""
    workspace = run.attempts.get().workspace
    assert workspace is not None
    path = workspace.agent_home_path / "found.json"
    return json.loads(path.read_text()) if path.exists() else None


def test_an_agent_searches_from_its_sandbox(queue_hostile: QueueHostile, indexed: Project) -> None:
    run = done(queue_hostile(SEARCHES))
    answer = found(run)
    assert answer is not None
    assert "shop/orders.py defines cancel_order" in answer["result"]["content"][0]["text"]
    assert "    def cancel_order(self, number):" in answer["result"]["content"][0]["text"]
    assert ("info", "The agent is given the MCP servers quarterdeck.") in logged(run)


@pytest.mark.parametrize("fields", [{"safe_mode": True}, {"rag_enabled": False}])
def test_it_is_not_given_in_safe_mode_and_without_the_index(
    queue_hostile: QueueHostile, indexed: Project, fields: dict[str, bool]
) -> None:
    assert found(done(queue_hostile(SEARCHES, **fields))) is None


def test_an_operator_can_turn_it_off(queue_hostile: QueueHostile, indexed: Project) -> None:
    change_params({"rag.search_tool": False}, actor=None, is_remote=False)
    assert found(done(queue_hostile(SEARCHES))) is None


def test_a_project_without_an_index_has_no_tool(queue_hostile: QueueHostile, cloned: Project) -> None:
    assert found(done(queue_hostile(SEARCHES))) is None


def test_a_server_of_the_project_keeps_the_name(queue_hostile: QueueHostile, indexed: Project) -> None:
    add(indexed, "quarterdeck")
    run = queue_hostile(SEARCHES.replace("for server in servers:", "for server in ():"))
    assert logged(done(run)) == [("info", "The agent is given the MCP servers quarterdeck.")]
