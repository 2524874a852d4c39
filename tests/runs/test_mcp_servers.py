"""What a run's agent is given of its project's MCP servers, and what the run's log says of it."""

import json
from typing import Any

import pytest
from django.conf import settings

from projects.models import McpServer, Project
from projects.services.mcp_servers import GivenServer, add_server
from runs.execution.executor import execute
from runs.known_secrets import redactor_of
from runs.models import Run
from settings_params.services.params import change_params
from tests.runs.conftest import QueueHostile

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "tok-9731-correct-horse"
TELLS = """
answer({"protocolVersion": 1, "agentCapabilities": {"mcpCapabilities": %s, "loadSession": True}})
asked = answer({"sessionId": "s"})
prompt_id = read()["id"]
open(os.environ["HOME"] + "/asked.json", "w").write(json.dumps(asked["params"]["mcpServers"]))
say(asked["method"])
say(json.dumps(asked["params"]["mcpServers"]))
end(prompt_id)
"""
TAKES_ALL, TAKES_NONE = TELLS % '{"http": True, "sse": True}', TELLS % "{}"


def add(project: Project, name: str, kind: str = "stdio", url: str = "", **secrets: str) -> McpServer:
    command = "" if url else "/usr/bin/tool"
    given = GivenServer(name, kind, True, command, ["-v"] if command else [], url, dict(secrets))
    return add_server(project, given, actor=project.memberships.get().user)


def done(run: Run) -> Run:
    execute(run.pk)
    run.refresh_from_db()
    assert run.status == "completed", run.error
    return run


def asked(run: Run) -> list[dict[str, Any]]:
    """What the agent was given."""
    workspace = run.attempts.get().workspace
    assert workspace is not None
    given: list[dict[str, Any]] = json.loads((workspace.agent_home_path / "asked.json").read_text())
    return given


def logged(run: Run) -> list[tuple[str, str]]:
    rows = run.events.filter(event_type="log").order_by("id").values_list("severity", "body")
    texts = [(severity, json.loads("{" + body)["message"]) for severity, body in rows]
    return [(severity, text) for severity, text in texts if "MCP" in text]


def test_an_agent_is_given_each_kind_in_the_protocols_shapes(queue_hostile: QueueHostile, cloned: Project) -> None:
    change_params({"safety.network": "open"}, actor=None, is_remote=False)
    add(cloned, "tools", TOOL_TOKEN=TOKEN)
    add(cloned, "wiki", "http", "https://mcp.example.com/wiki", Authorization=f"Bearer {TOKEN}")
    add(cloned, "old", "sse", "https://mcp.example.com/sse")
    run = done(queue_hostile(TAKES_ALL))
    bearer = {"name": "Authorization", "value": f"Bearer {TOKEN}"}
    assert asked(run) == [
        {
            "name": "tools",
            "command": "/usr/bin/tool",
            "args": ["-v"],
            "env": [{"name": "TOOL_TOKEN", "value": TOKEN}],
        },
        {"type": "http", "name": "wiki", "url": "https://mcp.example.com/wiki", "headers": [bearer]},
        {"type": "sse", "name": "old", "url": "https://mcp.example.com/sse", "headers": []},
    ]
    assert logged(run) == [("info", "The agent is given the MCP servers tools, wiki, old.")]


def test_what_an_agent_says_of_their_values_is_redacted(queue_hostile: QueueHostile, cloned: Project) -> None:
    add(cloned, "tools", TOOL_TOKEN=TOKEN)
    run = done(queue_hostile(TAKES_ALL))
    bodies = "\n".join(run.events.values_list("body", flat=True))
    assert ("[redacted: TOOL_TOKEN of tools]" in bodies, TOKEN in bodies) == (True, False)


def test_their_values_are_known_to_be_secret_after_the_run_too(run: Run, user: Any) -> None:
    add(run.project, "wiki", "http", "https://mcp.example.com/wiki", Authorization=f"Bearer {TOKEN}", Word="production")
    told = redactor_of(run).text(f"{TOKEN} in production")
    assert told == "[redacted: Authorization of wiki] in production"


@pytest.mark.parametrize(
    "value", ["correct horse", "correct horse battery staple", "host=db user=me password=hunter2", "Basic c2hvcnQ="]
)
def test_a_value_of_several_words_is_known_as_a_whole(run: Run, value: str) -> None:
    add(run.project, "tools", VALUE=value)
    assert redactor_of(run).text(f"It is <{value}>.") in (
        "It is <[redacted: VALUE of tools]>.",
        "It is <Basic [redacted: VALUE of tools]>.",
    )


def test_those_that_are_off_are_not_given(queue_hostile: QueueHostile, cloned: Project) -> None:
    add(cloned, "tools")
    McpServer.objects.update(enabled=False)
    run = done(queue_hostile(TAKES_ALL))
    assert (asked(run), logged(run)) == ([], [])


def test_what_the_agent_does_not_take_is_told_and_the_run_goes_on(queue_hostile: QueueHostile, cloned: Project) -> None:
    change_params({"safety.network": "open"}, actor=None, is_remote=False)
    add(cloned, "wiki", "http", "https://mcp.example.com/wiki")
    run = done(queue_hostile(TAKES_NONE))
    reason = "The agent is not given the MCP server wiki: Hostile takes no MCP servers of the kind http."
    assert (asked(run), logged(run)) == ([], [("warning", reason)])


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({}, "mcp.example.com:443 is closed by safety.network"),
        ({"safety.network": "allowlist"}, "mcp.example.com:443 is closed by safety.network_allowlist"),
        ({"safety.network": "allowlist", "safety.network_allowlist": ["*.example.com"]}, ""),
    ],
)
def test_a_host_that_the_network_closes_is_told(
    queue_hostile: QueueHostile, cloned: Project, params: dict[str, Any], reason: str
) -> None:
    change_params(params, actor=None, is_remote=False)
    add(cloned, "wiki", "http", "https://mcp.example.com/wiki")
    run = done(queue_hostile(TAKES_ALL))
    expected = ("warning", f"The agent is not given the MCP server wiki: {reason}.")
    assert [each for each in logged(run) if each[0] == "warning"] == ([expected] if reason else [])
    assert len(asked(run)) == (0 if reason else 1)


def test_values_that_no_key_opens_are_told(queue_hostile: QueueHostile, cloned: Project) -> None:
    add(cloned, "tools", TOOL_TOKEN=TOKEN)
    settings.ENCRYPTION_KEY_FILE.unlink()
    run = done(queue_hostile(TAKES_ALL))
    reason = "The agent is not given the MCP server tools: no encryption key opens its values."
    assert (asked(run), logged(run)) == ([], [("warning", reason)])


def test_a_session_that_is_opened_again_is_given_them_as_they_are_then(
    queue_hostile: QueueHostile, cloned: Project, api: Any
) -> None:
    server = add(cloned, "tools")
    run = done(queue_hostile(TAKES_ALL))
    McpServer.objects.filter(pk=server.pk).update(name="renamed")
    api.post(f"/api/runs/{run.pk}/messages", {"text": "More."})
    assert [each["name"] for each in asked(done(run))] == ["renamed"]
    assert "session/load" in "".join(run.events.values_list("body", flat=True))
