"""`bin/manage doctor`: what it finds, its cures, its exit status."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from runs.models import WorkerProcess
from settings_params.services.params import change_params
from tests.serving import ROOT

with_database = pytest.mark.django_db


def doctor(*arguments: str) -> tuple[str, int]:
    """What it prints, and its exit status."""
    output = StringIO()
    try:
        call_command("doctor", *arguments, stdout=output)
    except SystemExit as ended:
        return output.getvalue(), int(ended.code or 0)
    return output.getvalue(), 0


def findings() -> dict[str, Any]:
    """Its findings by name."""
    return {finding["name"]: finding for finding in json.loads(doctor("--json")[0])}


@with_database
def test_a_healthy_server_has_no_failure() -> None:
    for queue in ("runs", "default", "index"):
        WorkerProcess.objects.create(name=queue, queue=queue, last_seen_at=timezone.now())
    found = {name: finding["state"] for name, finding in findings().items()}
    names = (
        "interpreter",
        "git",
        "sandbox",
        "home",
        "disk",
        "keys",
        "database",
        "migrations",
        "clock",
        "secrets",
        "network",
        "run counts",
        "workers",
    )
    assert found == dict.fromkeys(names, "ok")


@with_database
def test_an_open_network_is_a_warning_with_a_cure() -> None:
    change_params({"safety.network": "open"}, actor=None, is_remote=False)
    network = findings()["network"]
    assert network["state"] == "warning"
    assert "safety.network allowlist" in network["cure"]


@with_database
def test_workers_that_are_missing_are_a_warning_with_a_cure_and_no_failure() -> None:
    text, status = doctor()
    assert status == 0
    assert "WARNING  workers" in text
    assert "Start the server: bin/serve." in text


@with_database
def test_a_key_that_others_can_read_fails_with_the_command_that_cures_it(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(settings, "HOME", tmp_path)
    monkeypatch.delenv("QUARTERDECK_SECRET_KEY")
    (tmp_path / "secret_key").write_text("x")
    (tmp_path / "secret_key").chmod(0o644)
    text, status = doctor()
    assert status == 1
    assert f"chmod 600 {tmp_path / 'secret_key'}" in text


@with_database
def test_a_home_that_others_can_enter_is_a_warning(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(settings, "HOME", tmp_path)
    tmp_path.chmod(0o755)
    assert findings()["home"]["state"] == "warning"


@with_database
def test_git_that_is_missing_fails(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("config.doctor.search_path", lambda: str(tmp_path))
    found = findings()["git"]
    assert found["state"] == "failed"
    assert "apt install git" in found["cure"]


@pytest.mark.plumbing  # it waits ten seconds for a database that is not there
def test_a_database_that_does_not_answer_fails_and_nothing_after_it_is_looked_at(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "QUARTERDECK_HOME": str(tmp_path),
        "DATABASE_URL": "postgres://nobody:secret-word@127.0.0.1:1/none?pool_timeout=1",
    }
    command = [sys.executable, "manage.py", "doctor", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    found = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 1
    assert found["database"]["state"] == "failed"
    assert "migrations" not in found
    assert "secret-word" not in done.stdout + done.stderr
