"""The credential of a project through the doors: set, seen, removed, used by clone, pull and push; never given out."""

import json
import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from projects.models import Project, ProjectCredential
from runs.models import AgentEvent, RunAttempt
from settings_params.rotation import rotate_keys
from settings_params.secrets import decrypt
from tests.config.answers import pointers, problem
from tests.conftest import MakeApi, git
from tests.projects.conftest import AsRole, WorkOff
from tests.projects.git.remotes import http_server, smart_http, with_login
from tests.reading import contents_below

SECRET = "correct-horse-token-9731"
TOKEN = {"kind": "https_token", "token": SECRET, "username": "anna"}
EMPTY = {"kind": None, "isSet": False, "username": None, "fingerprint": None, "updatedAt": None}
SSH_URL = "git@git.example.com:team/sample.git"


@pytest.fixture(scope="module")
def private_key(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A new SSH key without a passphrase."""
    path = tmp_path_factory.mktemp("keys") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return path.read_text()


@pytest.fixture
def path(project: Project) -> str:
    return f"/api/projects/{project.pk}/credential"


@pytest.fixture
def base(remote: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that gives `remote.git` to anna with her token only."""
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_ALLOW_PRIVATE_HOSTS", "true")
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_AUTO_GIT_PUSH", "true")
    git("config", "http.receivepack", "true", cwd=remote)
    with http_server(with_login(smart_http(remote.parent), "anna", SECRET)) as address:
        yield address


def stored() -> ProjectCredential:
    return ProjectCredential.objects.get()


def test_without_one_that_is_said(api: APIClient, path: str) -> None:
    assert api.get(path).json() == EMPTY


def test_a_token_is_set_and_not_given_out(api: APIClient, path: str) -> None:
    answer = api.put(path, TOKEN)
    assert answer.status_code == 200
    shown = answer.json()
    assert api.get(path).json() == shown
    assert (shown["kind"], shown["isSet"], shown["username"]) == ("https_token", True, "anna")
    assert len(shown["fingerprint"]) == 12
    assert set(shown) == set(EMPTY)
    assert SECRET not in answer.content.decode()


def test_a_token_is_encrypted_at_rest(api: APIClient, path: str) -> None:
    api.put(path, TOKEN)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM projects_projectcredential")
        assert SECRET not in str(cursor.fetchall())
    assert decrypt(stored().secret) == SECRET


def test_a_rotation_of_keys_takes_it_along(api: APIClient, path: str) -> None:
    api.put(path, TOKEN)
    before = stored().secret
    rotate_keys(add=True, drop_old=True)
    assert stored().secret != before
    assert decrypt(stored().secret) == SECRET


def test_a_fingerprint_tells_whether_two_tokens_are_the_same_and_no_more(api: APIClient, path: str) -> None:
    first = api.put(path, TOKEN).json()["fingerprint"]
    assert api.put(path, TOKEN).json()["fingerprint"] == first
    assert api.put(path, {**TOKEN, "token": "another"}).json()["fingerprint"] != first


def test_a_key_is_set_with_its_public_fingerprint(api: APIClient, path: str, private_key: str) -> None:
    Project.objects.update(repository_url=SSH_URL)
    shown = api.put(path, {"kind": "ssh_key", "privateKey": private_key}).json()
    assert (shown["kind"], shown["fingerprint"][:7], shown["username"]) == ("ssh_key", "SHA256:", None)
    assert decrypt(stored().secret).startswith("-----BEGIN OPENSSH PRIVATE KEY-----")


def test_a_name_may_change_alone(api: APIClient, path: str) -> None:
    before = api.put(path, TOKEN).json()
    after = api.put(path, {"username": "bert"}).json()
    assert (after["username"], after["fingerprint"]) == ("bert", before["fingerprint"])
    assert decrypt(stored().secret) == SECRET


def test_null_clears_the_name(api: APIClient, path: str) -> None:
    api.put(path, TOKEN)
    assert api.put(path, {"username": None}).json()["username"] is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"/kind": "required"}),
        ({"kind": "password"}, {"/kind": "invalid-choice"}),
        ({"kind": "https_token"}, {"/token": "required"}),
        ({"kind": "https_token", "token": ""}, {"/token": "blank"}),
        ({"kind": "https_token", "token": None}, {"/token": "null"}),
        ({"kind": "https_token", "token": 7}, {"/token": "wrong-type"}),
        ({"kind": "https_token", "token": "hunter2\nx"}, {"/token": "invalid"}),
        ({"kind": "https_token", "token": "hunter2-ü"}, {"/token": "invalid"}),
        ({"kind": "https_token", "token": "x" * 5000}, {"/token": "max-length"}),
        ({"kind": "https_token", "token": "x", "username": "a:hunter2"}, {"/username": "invalid"}),
        ({"kind": "https_token", "token": "x", "privateKey": "hunter2"}, {"/privateKey": "not-for-this-kind"}),
        ({"kind": "https_token", "token": "x", "password": "hunter2"}, {"/password": "unknown-member"}),
        ({"kind": "https_token", "token": "x", "fingerprint": "x"}, {"/fingerprint": "read-only"}),
        ({"kind": "ssh_key"}, {"/privateKey": "required"}),
        ({"kind": "ssh_key", "privateKey": "hunter2"}, {"/privateKey": "invalid-key"}),
        ({"kind": "ssh_key", "privateKey": "x", "username": "a"}, {"/username": "not-for-this-kind"}),
        ({"kind": "ssh_key", "passphrase": "hunter2"}, {"/privateKey": "required"}),
    ],
)
def test_what_is_no_credential_is_refused_and_not_echoed(
    api: APIClient, path: str, body: Any, expected: dict[str, str]
) -> None:
    answer = api.put(path, body)
    assert pointers(answer) == expected
    assert "hunter2" not in answer.content.decode()
    assert not ProjectCredential.objects.exists()


def test_a_passphrase_of_an_open_key_is_told_by_its_name(api: APIClient, path: str, private_key: str) -> None:
    answer = api.put(path, {"kind": "ssh_key", "privateKey": private_key, "passphrase": "hunter2"})
    assert pointers(answer) == {"/passphrase": "passphrase-unneeded"}


@pytest.mark.parametrize("url", [SSH_URL, "git://git.example.com/a", "/srv/git/a.git"])
def test_a_token_for_an_address_that_takes_none_is_refused(api: APIClient, path: str, url: str) -> None:
    Project.objects.update(repository_url=url)
    assert pointers(api.put(path, TOKEN)) == {"/kind": "wrong-kind"}


def test_a_key_for_an_https_address_is_refused(api: APIClient, path: str, private_key: str) -> None:
    assert pointers(api.put(path, {"kind": "ssh_key", "privateKey": private_key})) == {"/kind": "wrong-kind"}


def test_a_credential_is_removed(api: APIClient, path: str) -> None:
    api.put(path, TOKEN)
    assert [api.delete(path).status_code for _ in range(2)] == [204, 204]
    assert api.get(path).json() == EMPTY


@pytest.mark.parametrize("role", ["viewer", "maintainer"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_owners_deal_with_it(as_role: AsRole, path: str, role: str, method: str) -> None:
    answer = as_role(role).generic(method, path, "{}", content_type="application/json")
    assert (problem(answer), answer.json()["requiredRole"]) == ((403, "role-required"), "owner")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_an_archived_project_keeps_what_it_has(api: APIClient, path: str, method: str) -> None:
    api.put(path, TOKEN)
    Project.objects.update(status="archived")
    answer = api.generic(method, path, json.dumps({**TOKEN, "token": "new"}), content_type="application/json")
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "project-not-ready"), "archived")
    assert decrypt(stored().secret) == SECRET


def test_it_is_audited_without_the_secret(api: APIClient, path: str, user: User) -> None:
    shown = api.put(path, TOKEN).json()
    api.delete(path)
    entry = AuditEntry.objects.get(action="credential_set", actor=user)
    assert (entry.detail["kind"], entry.detail["fingerprint"]) == ("https_token", shown["fingerprint"])
    assert AuditEntry.objects.filter(action="credential_removed").count() == 1
    assert SECRET not in str(list(AuditEntry.objects.values_list("detail", flat=True)))


def test_a_project_in_error_is_cloned_again(api: APIClient, path: str, project: Project) -> None:
    Project.objects.update(status="error", error={"code": "credentials-needed", "message": "x"})
    assert api.put(path, TOKEN).status_code == 200
    shown = api.get(f"/api/projects/{project.pk}").json()
    assert (shown["status"], shown["error"]) == ("pending", None)
    assert DBTaskResult.objects.ready().count() == 1


@pytest.mark.parametrize("state", ["ready", "pending", "cloning", "pulling"])
def test_a_project_that_is_not_in_error_goes_on_as_it_is(api: APIClient, path: str, state: str) -> None:
    Project.objects.update(status=state, updated_at=timezone.now())
    assert api.put(path, TOKEN).status_code == 200
    assert not DBTaskResult.objects.exists()


def test_a_new_project_brings_its_credential(api: APIClient) -> None:
    body = {"name": "a", "repositoryUrl": "https://git.example.com/a.git", "credential": TOKEN}
    answer = api.post("/api/projects", body)
    assert answer.status_code == 201
    assert "credential" not in answer.json()
    assert decrypt(stored().secret) == SECRET


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        ({"kind": "https_token"}, {"/credential/token": "required"}),
        ({**TOKEN, "x": 1}, {"/credential/x": "unknown-member"}),
        ({"kind": "ssh_key", "privateKey": "hunter2"}, {"/credential/privateKey": "invalid-key"}),
        (None, {"/credential": "null"}),
    ],
)
def test_a_new_project_with_an_impossible_credential_is_not_made(
    api: APIClient, credential: Any, expected: dict[str, str]
) -> None:
    body = {"name": "a", "repositoryUrl": "https://git.example.com/a.git", "credential": credential}
    assert pointers(api.post("/api/projects", body)) == expected
    assert not Project.objects.exists()


def test_a_new_project_with_a_credential_of_the_wrong_kind_is_not_made(api: APIClient) -> None:
    answer = api.post("/api/projects", {"name": "a", "repositoryUrl": SSH_URL, "credential": TOKEN})
    assert pointers(answer) == {"/credential/kind": "wrong-kind"}


def test_a_project_that_is_there_has_a_route_for_it(api: APIClient, project: Project) -> None:
    assert pointers(api.put(f"/api/projects/{project.pk}", {"credential": TOKEN})) == {"/credential": "read-only"}


def test_an_operator_acts_as_owner(path: str, operator: User, make_api: MakeApi) -> None:
    assert make_api(operator).put(path, TOKEN).status_code == 200
    assert AuditEntry.objects.filter(action="acted_as_owner", actor=operator).exists()


@pytest.mark.django_db(transaction=True)
def test_a_private_repository_is_cloned_once_the_token_is_set(api: APIClient, base: str, work_off: WorkOff) -> None:
    project = api.post("/api/projects", {"name": "a", "repositoryUrl": f"{base}/remote.git"}).json()
    work_off()
    refused = api.get(f"/api/projects/{project['id']}").json()
    assert (refused["status"], refused["error"]["code"]) == ("error", "credentials-needed")
    assert "/credential" in refused["error"]["message"]

    api.put(f"/api/projects/{project['id']}/credential", TOKEN)
    work_off()

    assert api.get(f"/api/projects/{project['id']}").json()["status"] == "ready"


@pytest.fixture
def private(api: APIClient, base: str, work_off: WorkOff, db: None) -> Any:
    """A project that was cloned with its token."""
    body = {"name": "a", "repositoryUrl": f"{base}/remote.git", "credential": TOKEN}
    project = api.post("/api/projects", body).json()
    work_off()
    shown = api.get(f"/api/projects/{project['id']}").json()
    assert shown["status"] == "ready", shown["error"]
    return shown


@pytest.mark.django_db(transaction=True)
def test_a_private_repository_is_pulled(api: APIClient, private: Any, remote: Path, work_off: WorkOff) -> None:
    tree = git("rev-parse", "main^{tree}", cwd=remote).strip()
    newer = git("commit-tree", "-m", "Second", "-p", "main", tree, cwd=remote).strip()
    git("update-ref", "refs/heads/main", newer, cwd=remote)
    api.post(f"/api/projects/{private['id']}/pull")
    work_off()
    assert api.get(f"/api/projects/{private['id']}").json()["headCommit"] == newer


@pytest.mark.django_db(transaction=True)
def test_a_token_that_is_withdrawn_is_told_and_the_project_stays(
    api: APIClient, private: Any, work_off: WorkOff
) -> None:
    api.put(f"/api/projects/{private['id']}/credential", {"token": "old-token-of-somebody"})
    api.post(f"/api/projects/{private['id']}/pull")
    work_off()
    shown = api.get(f"/api/projects/{private['id']}").json()
    assert (shown["status"], shown["error"]["code"]) == ("ready", "credentials-refused")
    assert "old-token-of-somebody" not in str(shown)


@pytest.mark.django_db(transaction=True)
def test_a_secret_that_no_key_opens_is_told(api: APIClient, private: Any, work_off: WorkOff) -> None:
    Path(settings.ENCRYPTION_KEY_FILE).unlink()
    api.post(f"/api/projects/{private['id']}/pull")
    work_off()
    shown = api.get(f"/api/projects/{private['id']}").json()
    assert (shown["status"], shown["error"]["code"]) == ("ready", "credential-unreadable")


@pytest.mark.django_db(transaction=True)
def test_a_run_of_a_private_repository_is_pushed_and_the_token_is_nowhere(
    api: APIClient, private: Any, remote: Path, work_off: WorkOff, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    prompt = "Write a note.\n\n```file note.txt\nhello\n```\n"
    body = {"projectId": private["id"], "title": "x", "prompt": prompt, "safeMode": False, "start": True}
    run = api.post("/api/runs", body).json()
    work_off()
    api.post(f"/api/runs/{run['id']}/approve", {"commit": True})
    assert api.post(f"/api/runs/{run['id']}/push").status_code == 202
    work_off()

    attempt = RunAttempt.objects.get()
    assert (attempt.push_status, attempt.push_error) == ("pushed", None)
    assert git("rev-parse", attempt.branch, cwd=remote).strip() == attempt.commit
    assert SECRET not in caplog.text
    assert SECRET not in str(list(AgentEvent.objects.values_list("body", flat=True)))
    kept = contents_below(settings.HOME)
    assert [name for name, content in kept.items() if SECRET.encode() in content] == []
