"""The MCP servers of a project through the doors: added, seen without their values, changed, removed."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from projects.mcp_servers import unseal
from projects.models import McpServer, Project
from projects.services.mcp_servers import MOST_SERVERS
from settings_params.rotation import rotate_keys
from tests.config.answers import pointers, problem
from tests.projects.conftest import AsRole

SECRET = "ghp-correct-horse-9731"
STDIO = {"name": "issues", "kind": "stdio", "command": "/usr/bin/issues", "args": ["--quiet"], "env": [
    {"name": "ISSUES_TOKEN", "value": SECRET}
]}  # fmt: skip
HTTP = {"name": "wiki", "kind": "http", "url": "https://mcp.example.com/wiki", "headers": [
    {"name": "Authorization", "value": f"Bearer {SECRET}"}
]}  # fmt: skip


@pytest.fixture
def path(project: Project) -> str:
    return f"/api/projects/{project.pk}/mcp-servers"


@pytest.fixture
def add(api: APIClient, path: str) -> Any:
    """Adds a server; gives its address and what is shown of it."""

    def added(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        answer = api.post(path, body)
        assert answer.status_code == 201, answer.content
        return answer.headers["Location"], answer.json()

    return added


def values() -> dict[str, str]:
    """The stored values of the only server."""
    return unseal(McpServer.objects.get().secret)


def test_a_program_is_shown_without_its_values(api: APIClient, add: Any) -> None:
    address, shown = add(STDIO)
    assert api.get(address).json() == shown
    assert {key: value for key, value in shown.items() if not key.endswith("At")} == {
        "id": McpServer.objects.get().pk,
        "name": "issues",
        "kind": "stdio",
        "enabled": True,
        "command": "/usr/bin/issues",
        "args": ["--quiet"],
        "env": [{"name": "ISSUES_TOKEN", "isSet": True}],
        "url": None,
        "headers": [],
    }
    assert values() == {"ISSUES_TOKEN": SECRET}


@pytest.mark.parametrize("kind", ["http", "sse"])
def test_a_host_is_shown_without_its_values(api: APIClient, add: Any, kind: str) -> None:
    address, shown = add({**HTTP, "kind": kind})
    assert (shown["url"], shown["headers"]) == (HTTP["url"], [{"name": "Authorization", "isSet": True}])
    assert (shown["command"], shown["args"], shown["env"]) == (None, [], [])
    assert SECRET not in api.get(address).content.decode()


def test_values_are_encrypted_at_rest_and_rotated(add: Any) -> None:
    add(STDIO)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM projects_mcpserver")
        assert SECRET not in str(cursor.fetchall())
    rotate_keys(add=True, drop_old=True)
    assert values() == {"ISSUES_TOKEN": SECRET}


def test_all_of_it_is_audited_without_a_value(api: APIClient, add: Any, user: User) -> None:
    address, _ = add(STDIO)
    api.put(address, {"enabled": False})
    api.delete(address)
    entries = AuditEntry.objects.filter(actor=user, action__startswith="mcp_server_").order_by("pk")
    assert [entry.action[len("mcp_server_") :] for entry in entries] == ["added", "changed", "removed"]
    assert {entry.detail["command"] for entry in entries} == {"/usr/bin/issues"}
    assert SECRET not in str([entry.detail for entry in entries])


def test_they_are_listed_in_the_order_in_which_they_were_added(api: APIClient, add: Any, path: str) -> None:
    names = [add({**STDIO, "name": name})[1]["name"] for name in ("b", "a", "c")]
    assert [row["name"] for row in api.get(path).json()["data"]] == names


def test_absent_members_stay(api: APIClient, add: Any) -> None:
    address, shown = add(STDIO)
    changed = api.put(address, {"enabled": False}).json()
    assert changed | {"updatedAt": 0, "enabled": True} == shown | {"updatedAt": 0}
    assert values() == {"ISSUES_TOKEN": SECRET}


def test_a_list_replaces_the_stored_one_and_a_name_alone_keeps_its_value(api: APIClient, add: Any) -> None:
    address, _ = add({**STDIO, "env": [*STDIO["env"], {"name": "OLD", "value": "x"}]})
    api.put(address, {"env": [{"name": "ISSUES_TOKEN"}, {"name": "NEW", "value": "y"}]})
    assert values() == {"ISSUES_TOKEN": SECRET, "NEW": "y"}


def test_headers_are_not_sent_on_to_another_host(api: APIClient, add: Any) -> None:
    address, _ = add(HTTP)
    elsewhere = {"url": "https://evil.example/wiki"}
    assert pointers(api.put(address, elsewhere)) == {"/headers": "required"}
    kept = {**elsewhere, "headers": [{"name": "Authorization"}]}
    assert pointers(api.put(address, kept)) == {"/headers/0/value": "required"}
    assert api.put(address, {**elsewhere, "headers": []}).status_code == 200
    assert values() == {}


def test_another_path_of_the_same_host_keeps_the_headers(api: APIClient, add: Any) -> None:
    address, _ = add(HTTP)
    assert api.put(address, {"url": "https://mcp.example.com/other", "kind": "sse"}).status_code == 200
    assert values() == {"Authorization": f"Bearer {SECRET}"}


def test_a_program_that_becomes_a_host_leaves_its_values_behind(api: APIClient, add: Any) -> None:
    address, _ = add(STDIO)
    assert pointers(api.put(address, {"kind": "http"})) == {"/url": "required"}
    changed = api.put(address, {"kind": "http", "url": HTTP["url"]}).json()
    assert (changed["command"], changed["args"], changed["headers"], values()) == (None, [], [], {})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"/name": "required", "/kind": "required"}),
        ({**STDIO, "kind": "pigeon"}, {"/kind": "invalid-choice"}),
        ({**STDIO, "name": "a b"}, {"/name": "invalid"}),
        ({**STDIO, "name": "-a"}, {"/name": "invalid"}),
        ({**STDIO, "name": "a" * 33}, {"/name": "max-length"}),
        ({**STDIO, "command": None}, {"/command": "required"}),
        ({**STDIO, "command": "a\0b"}, {"/command": "null-characters-not-allowed"}),
        ({**STDIO, "args": ["x"] * 51}, {"/args": "max-length"}),
        ({**STDIO, "args": ["a\0"]}, {"/args/0": "null-characters-not-allowed"}),
        ({**STDIO, "args": [1]}, {"/args/0": "wrong-type"}),
        ({**STDIO, "url": HTTP["url"]}, {"/url": "not-for-this-kind"}),
        ({**STDIO, "headers": HTTP["headers"]}, {"/headers": "not-for-this-kind"}),
        ({**STDIO, "env": [{"name": "A=B", "value": "hunter2"}]}, {"/env/0/name": "invalid"}),
        ({**STDIO, "env": [{"name": "A"}]}, {"/env/0/value": "required"}),
        ({**STDIO, "env": [{"name": "A", "value": "hunter2\0"}]}, {"/env/0/value": "null-characters-not-allowed"}),
        ({**STDIO, "env": [{"name": "A", "value": "hunter2"}] * 2}, {"/env/1/name": "duplicate"}),
        ({**STDIO, "env": [{"name": "A", "value": "x", "isSet": True}]}, {"/env/0/isSet": "read-only"}),
        ({**STDIO, "env": {"A": "hunter2"}}, {"/env/A": "unknown-member"}),
        ({**STDIO, "env": [{"name": f"A{n}", "value": "x"} for n in range(31)]}, {"/env": "max-length"}),
        ({**STDIO, "x": 1}, {"/x": "unknown-member"}),
        ({**STDIO, "id": 1}, {"/id": "read-only"}),
        ({**HTTP, "url": None}, {"/url": "required"}),
        ({**HTTP, "command": "/bin/sh"}, {"/command": "not-for-this-kind"}),
        ({**HTTP, "url": "https://anna:hunter2@mcp.example.com/"}, {"/url": "credentials-in-url"}),
        ({**HTTP, "url": "http://mcp.example.com/"}, {"/url": "transport-not-allowed"}),
        ({**HTTP, "url": "file:///etc/passwd"}, {"/url": "transport-not-allowed"}),
        ({**HTTP, "url": "https://127.0.0.1:1/"}, {"/url": "private-host"}),
        ({**HTTP, "url": "https://[::ffff:10.0.0.1]/"}, {"/url": "private-host"}),
        ({**HTTP, "url": "https://localhost/"}, {"/url": "private-host"}),
        ({**HTTP, "url": "https://[::1"}, {"/url": "invalid-url"}),
        ({**HTTP, "url": "https://a:99999/"}, {"/url": "invalid-url"}),
        ({**HTTP, "url": "https:///path"}, {"/url": "invalid-url"}),
        ({**HTTP, "url": "https://a/\nb"}, {"/url": "invalid-url"}),
        ({**HTTP, "headers": [{"name": "A B", "value": "x"}]}, {"/headers/0/name": "invalid"}),
        ({**HTTP, "headers": [{"name": "A", "value": "hunter2\r\nB: c"}]}, {"/headers/0/value": "invalid"}),
        ({**HTTP, "headers": [{"name": n, "value": "x"} for n in "Aa"]}, {"/headers/1/name": "duplicate"}),
    ],
)  # fmt: skip
def test_what_is_no_server_is_refused_and_not_echoed(
    api: APIClient, path: str, body: Any, expected: dict[str, str]
) -> None:
    answer = api.post(path, body)
    assert pointers(answer) == expected
    assert "hunter2" not in answer.content.decode()
    assert not McpServer.objects.exists()


def test_an_operator_can_allow_private_hosts(add: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_ALLOW_PRIVATE_HOSTS", "true")
    assert add({**HTTP, "url": "http://127.0.0.1:9000/mcp"})[1]["url"] == "http://127.0.0.1:9000/mcp"


def test_a_name_is_there_once_whatever_its_case(api: APIClient, add: Any, path: str) -> None:
    add(STDIO)
    assert problem(api.post(path, {**HTTP, "name": "ISSUES"})) == (409, "mcp-server-name-taken")
    address, _ = add(HTTP)
    assert problem(api.put(address, {"name": "Issues"})) == (409, "mcp-server-name-taken")
    assert api.put(address, {"name": "Wiki"}).status_code == 200


def test_there_are_so_many_at_most(api: APIClient, add: Any, path: str) -> None:
    for number in range(MOST_SERVERS):
        add({**STDIO, "name": f"s{number}"})
    assert problem(api.post(path, STDIO)) == (409, "mcp-servers-full")


def test_a_change_of_what_somebody_else_has_changed_is_refused(api: APIClient, add: Any) -> None:
    address, _ = add(STDIO)
    tag = api.get(address).headers["ETag"]
    assert api.put(address, {"enabled": False}, headers={"If-Match": tag}).status_code == 200
    assert problem(api.put(address, {"enabled": True}, headers={"If-Match": tag})) == (412, "precondition-failed")


def test_the_same_request_again_adds_it_once(api: APIClient, path: str) -> None:
    answers = [api.post(path, STDIO, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert McpServer.objects.count() == 1


def test_the_server_of_another_project_is_not_found(api: APIClient, add: Any, project: Project) -> None:
    _, shown = add(STDIO)
    other = Project.objects.create(name="Other", slug="other")
    other.memberships.create(user=User.objects.get(email="anna@example.com"), role="owner")
    assert problem(api.get(f"/api/projects/{other.pk}/mcp-servers/{shown['id']}")) == (404, "not-found")


def test_a_viewer_sees_them_and_no_value(as_role: AsRole, add: Any) -> None:
    address, shown = add(STDIO)
    assert as_role("viewer").get(address).json() == shown


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_an_archived_project_keeps_them(api: APIClient, add: Any, method: str) -> None:
    address, shown = add(STDIO)
    Project.objects.update(status="archived")
    answer = api.generic(method, address, json.dumps({"enabled": False}), content_type="application/json")
    assert problem(answer) == (409, "project-not-ready")
    assert api.get(address).json() == shown


def test_values_that_no_key_opens_can_be_given_anew(api: APIClient, add: Any) -> None:
    address, _ = add(STDIO)
    settings.ENCRYPTION_KEY_FILE.unlink()
    assert problem(api.put(address, {"enabled": False}))[1] == "secret-unreadable"
    assert api.put(address, {"env": []}).status_code == 200
