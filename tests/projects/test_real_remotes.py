"""Projects at a real sshd and at a server with a certificate, through the doors; what is not fetched is said."""

import logging
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from rest_framework.test import APIClient

from projects.git.ssh_keys import read_ssh_key
from projects.models import Project
from projects.services.host_keys import forget_host_keys
from projects.workspaces import open_repository
from runs.models import AgentEvent, RunAttempt
from tests.conftest import git
from tests.projects.conftest import WorkOff, outcome
from tests.projects.git.certificates import Authority
from tests.projects.git.remotes import git_daemon, http_server, smart_http, with_login
from tests.projects.git.ssh_server import SshServer
from tests.reading import contents_below

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
PASSPHRASE = "open-sesame-8825"
TOKEN = "correct-horse-token-6634"


@pytest.fixture(autouse=True)
def leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback may be talked to, and pushed to."""
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_ALLOW_PRIVATE_HOSTS", "true")
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_AUTO_GIT_PUSH", "true")


@pytest.fixture
def private_key(tmp_path: Path, ssh_server: SshServer) -> str:
    """A key with a passphrase, as ssh-keygen writes it, that the server lets in."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-a", "1", "-N", PASSPHRASE, "-f", str(tmp_path / "key")]
    subprocess.run(command, check=True)
    ssh_server.authorize((tmp_path / "key.pub").read_text())
    return (tmp_path / "key").read_text()


@pytest.fixture
def pull(api: APIClient, work_off: WorkOff) -> Callable[[Any], Any]:
    def make(project: Any) -> Any:
        assert api.post(f"/api/projects/{project['id']}/pull").status_code == 202
        work_off()
        return api.get(f"/api/projects/{project['id']}").json()

    return make


def all_rows() -> str:
    """Everything that the database holds."""
    with connection.cursor() as cursor:
        told = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - names of our tables
            told.append(str(cursor.fetchall()))
    return "\n".join(told)


def credential(private_key: str) -> dict[str, str]:
    return {"kind": "ssh_key", "privateKey": private_key, "passphrase": PASSPHRASE}


def test_a_run_goes_to_an_ssh_host_and_the_key_is_nowhere(
    api: APIClient, clone: Any, work_off: WorkOff, remote: Path, ssh_server: SshServer, private_key: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    project = clone(ssh_server.url(remote), credential=credential(private_key))
    assert (outcome(project), project["notices"]) == (("ready", None), [])
    prompt = "Look.\n\n```sh\nenv\necho done > note.txt\n```\n"
    body = {"projectId": project["id"], "title": "x", "prompt": prompt, "safeMode": False, "start": True}
    run = api.post("/api/runs", body).json()
    work_off()
    api.post(f"/api/runs/{run['id']}/approve", {"commit": True})
    pushed = api.post(f"/api/runs/{run['id']}/push")
    assert pushed.status_code == 202, pushed.content
    work_off()

    attempt = RunAttempt.objects.get()
    assert (attempt.push_status, attempt.push_error) == ("pushed", None)
    assert git("show", f"{attempt.branch}:note.txt", cwd=remote) == "done\n"
    opened = read_ssh_key(private_key, PASSPHRASE).text.splitlines()
    kept = list(contents_below(settings.HOME).values())
    assert [content for content in kept if b"LOGNAME=agent" in content]  # the agent's environment is among it
    for secret in (opened[2], opened[3], private_key.splitlines()[2], PASSPHRASE):
        assert secret not in caplog.text
        assert secret not in all_rows()
        assert secret not in str(list(AgentEvent.objects.values_list("body", flat=True)))
        assert not [content for content in kept if secret.encode() in content]


def test_a_host_key_that_changed_stops_pulls_until_an_operator_forgets_the_old_one(
    clone: Any, pull: Any, remote: Path, ssh_server: SshServer, private_key: str, tmp_path: Path
) -> None:
    project = clone(ssh_server.url(remote), credential=credential(private_key))
    row = Project.objects.get()
    open_repository(row).known_hosts.write_text("127.0.0.1 " + (tmp_path / "key.pub").read_text())
    assert outcome(pull(project)) == ("ready", "host-key-changed")
    forget_host_keys(row, actor=None)
    assert outcome(pull(project)) == ("ready", None)


def test_a_key_that_is_withdrawn_is_told(
    clone: Any, pull: Any, remote: Path, ssh_server: SshServer, private_key: str
) -> None:
    project = clone(ssh_server.url(remote), credential=credential(private_key))
    ssh_server.authorize("")
    assert outcome(pull(project)) == ("ready", "credentials-refused")


def test_an_https_host_with_its_own_authority_needs_its_certificate_here(
    api: APIClient, clone: Any, work_off: WorkOff, remote: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = with_login(smart_http(remote.parent), "x-access-token", TOKEN)
    with http_server(answer, tls=authority.server()) as base:
        project = clone(f"{base}/remote.git", credential={"kind": "https_token", "token": TOKEN})
        assert outcome(project) == ("error", "bad-certificate")
        assert "git.ca_bundle" in project["error"]["message"]
        monkeypatch.setenv("QUARTERDECK_PARAM_GIT_CA_BUNDLE", str(authority.bundle))
        api.post(f"/api/projects/{project['id']}/clone")
        work_off()
    assert outcome(api.get(f"/api/projects/{project['id']}").json()) == ("ready", None)
    assert TOKEN not in all_rows()


def test_the_git_protocol(clone: Any, pull: Any, remote: Path) -> None:
    with git_daemon(remote.parent) as port:
        project = clone(f"git://127.0.0.1:{port}/remote.git")
        assert outcome(project) == ("ready", None)
        assert outcome(pull(project)) == ("ready", None)


@pytest.mark.parametrize("url", ["https://{}/a.git", "ssh://git@{}/a.git", "git://{}/a.git", "git@{}:a.git"])
def test_a_name_that_stands_for_a_private_address_by_now_is_not_talked_to(
    clone: Any, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.delenv("QUARTERDECK_PARAM_SAFETY_ALLOW_PRIVATE_HOSTS")
    assert outcome(clone(url.format("localhost"))) == ("error", "private-host")


def test_submodules_and_lfs_are_not_fetched_and_that_is_said(
    clone: Any, pull: Any, remote: Path, allow_local: None, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    git("clone", "-q", remote, work)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 9\n"
    (work / "assets").mkdir()
    (work / "assets/.gitattributes").write_text("# filter=lfs\n*.bin filter=lfs diff=lfs -text\n")
    (work / "assets/a.bin").write_text(pointer)
    git("add", "--all", cwd=work)
    git("update-index", "--add", "--cacheinfo", "160000", "1" * 40, "library", cwd=work)
    git("-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "more", cwd=work)
    git("push", "-q", "origin", "HEAD:main", cwd=work)
    project = clone(str(remote))
    assert [notice["code"] for notice in project["notices"]] == ["submodules-not-fetched", "lfs-not-fetched"]
    assert "(1)" in project["notices"][0]["message"]
    tree = Project.objects.get().workspaces.get().work_tree_path
    assert ((tree / "assets/a.bin").read_text(), list((tree / "library").iterdir())) == (pointer, [])

    git("rm", "-rq", "--cached", "assets", "library", cwd=work)
    git("commit", "-q", "-m", "less", cwd=work)
    git("push", "-q", "origin", "HEAD:main", cwd=work)
    assert pull(project)["notices"] == []
