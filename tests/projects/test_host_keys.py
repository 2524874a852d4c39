"""SSH host keys of a project's remote: pinned at the first contact, forgotten by operators only, and audited."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from projects.models import Project
from projects.workspaces import open_repository


@pytest.fixture
def fingerprint(project: Project, tmp_path: Path) -> Iterator[str]:
    """The fingerprint of a new key, pinned for the project's remote."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", tmp_path / "host"], check=True)
    known_hosts = open_repository(project).known_hosts
    known_hosts.parent.mkdir(parents=True)
    known_hosts.write_text("git.example.com " + (tmp_path / "host.pub").read_text() + "# no key\nnonsense\n")
    shown = subprocess.run(["ssh-keygen", "-lf", known_hosts], capture_output=True, text=True, check=True).stdout
    yield shown.split()[1]
    shutil.rmtree(project.folder)  # the next test's project may have the same number


def forget(*arguments: object) -> str:
    told = StringIO()
    call_command("forget_host_keys", *map(str, arguments), stdout=told)
    return told.getvalue()


@pytest.mark.once
def test_the_command_forgets_them_and_says_which(project: Project, fingerprint: str) -> None:
    assert forget(project.pk) == f"git.example.com ssh-ed25519 {fingerprint}\nforgotten: 1\n"
    assert not open_repository(project).known_hosts.exists()


@pytest.mark.once
def test_the_command_tells_scripts_too(project: Project, fingerprint: str) -> None:
    key = {"host": "git.example.com", "kind": "ssh-ed25519", "fingerprint": fingerprint}
    assert json.loads(forget(project.pk, "--json")) == {"forgotten": [key]}


@pytest.mark.once
def test_there_may_be_none(project: Project) -> None:
    assert forget(project.pk) == "forgotten: 0\n"


@pytest.mark.once
def test_a_project_that_is_not_there_is_told(db: None) -> None:
    with pytest.raises(CommandError, match="no project 7"):
        forget(7)


@pytest.mark.once
def test_it_is_audited(project: Project, fingerprint: str) -> None:
    forget(project.pk)
    entry = AuditEntry.objects.get(action="host_keys_forgotten")
    assert (entry.actor, entry.detail) == (None, {"project_id": project.pk, "fingerprints": [fingerprint]})


@pytest.mark.once
def test_the_console_forgets_them(project: Project, fingerprint: str, operator: User, client: Client) -> None:
    User.objects.filter(pk=operator.pk).update(is_superuser=True)
    client.force_login(operator)
    body: dict[str, Any] = {"action": "forget_host_keys", "_selected_action": [project.pk]}
    page = client.post(reverse("admin:projects_project_changelist"), body, follow=True)
    assert "takes its host&#x27;s next SSH key" in page.content.decode()
    assert not open_repository(project).known_hosts.exists()
    assert AuditEntry.objects.get(action="host_keys_forgotten").actor == operator
