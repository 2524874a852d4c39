"""What each real agent does with an MCP server of the project: uses its tools, and in safe mode asks before."""

import json
import re
from collections.abc import Iterator

import pytest

from runs.execution.agents.registry import PROFILES
from tests.agents.scripts import script
from tests.agents.served import Served
from tests.serving import wait_until

pytestmark = pytest.mark.agents
SERVER = r"""
import json, os, sys
for line in sys.stdin:
    asked = json.loads(line)
    method, result = asked.get("method"), {}
    if method == "initialize":
        about = {"name": "notes", "version": "1"}
        result = {"protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}}}
        result["serverInfo"] = about
    elif method == "tools/list":
        schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
        result = {"tools": [{"name": "note", "description": "Keeps a note.", "inputSchema": schema}]}
    elif method == "tools/call":
        text = asked["params"]["arguments"]["text"]
        result = {"content": [{"type": "text", "text": "kept: " + text + " with " + os.environ["NOTES_TOKEN"]}]}
    if "id" in asked:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""
TRIED = ("opencode", "claude", "codex", "gemini", "qwen", "openhands")
# These tell their models of the tool by name only: the model asks for it.
FIRST = {
    "claude": '@@call ToolSearch|{"query": "select:mcp__notes__note", "max_results": 1}',
    "qwen": '@@call tool_search|{"query": "select:mcp__notes__note"}',
}
TOKEN = "notes-token-4711"


@pytest.fixture(autouse=True)
def _notes(real: Served) -> Iterator[None]:
    """The project has the server; it tells what it was given."""
    if real.agent not in TRIED:
        pytest.skip(f"{real.agent} is not tried with MCP servers yet.")
    path = f"/projects/{real.project}/mcp-servers"
    body = {"name": "notes", "kind": "stdio", "command": "/usr/bin/env", "args": ["python3", "-c", SERVER]}
    server = real.client.post(path, **body, env=[{"name": "NOTES_TOKEN", "value": TOKEN}])
    yield
    assert real.client.http.delete(f"/api{path}/{server['id']}").status_code == 204


def noting(real: Served, text: str) -> str:
    """A prompt that has the tool called."""
    return script(*FIRST.get(real.agent, "").splitlines(), f"@@call note|{json.dumps({'text': text})}")


def heard_since(real: Served, count: int) -> str:
    """All that the model was told after so many requests."""
    return "\n".join(request.text for request in real.model.requests[count:])


def test_it_uses_a_tool_and_no_secret_is_told(real: Served) -> None:
    asked_before = len(real.model.requests)
    run = real.start(noting(real, "first"))
    done = run.end()
    assert done["status"] == "completed", done["error"]
    assert f"kept: first with {TOKEN}" in heard_since(real, asked_before)
    finished = [event for event in run.events() if event["eventType"] == "tool_finished"]
    assert finished[-1]["data"]["status"] == "completed", finished
    told = str(run.events())
    assert ("[redacted: NOTES_TOKEN of notes]" in told, TOKEN in told) == (True, False)


def test_in_safe_mode_it_asks_before_a_tool_or_has_none(real: Served) -> None:
    asked_before = len(real.model.requests)
    run = real.start(noting(real, "refused"), safe_mode=True)
    if not PROFILES[real.agent].asks_for_mcp:
        assert run.end()["status"] == "completed"
        assert "is not given the MCP server notes: in safe mode" in str(run.events())
        return
    run.answer("reject")
    run.reject_all()
    run.post("messages", text=noting(real, "allowed"))
    run.answer("allow_once")
    done = run.end()
    assert done["status"] == "completed", done["error"]
    heard = heard_since(real, asked_before)
    assert ("kept: allowed with" in heard, "kept: refused" in heard) == (True, False)


def test_it_searches_the_code_index_from_its_sandbox(real: Served) -> None:
    real.client.post(f"/projects/{real.project}/index-rag")
    wait_until(lambda: real.client.get(f"/projects/{real.project}")["index"]["status"] == "ready", 60)
    asked_before = len(real.model.requests)
    first = FIRST.get(real.agent, "").replace("mcp__notes__note", "mcp__quarterdeck__search_code")
    done = real.start(script(*first.splitlines(), '@@call search_code|{"query": "sample"}')).end()
    assert done["status"] == "completed", done["error"]
    assert re.search(r"Of commit [0-9a-f]{12}|Nothing fits, at commit", heard_since(real, asked_before))
