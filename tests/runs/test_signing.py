"""Run commits are signed where the operator wants it, by a key that git itself then takes for good."""

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from projects.workspaces import open_repository
from runs.models import Run, RunReview
from tests.conftest import QueueRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
SIGN, KEY = "QUARTERDECK_PARAM_GIT_SIGN_COMMITS", "QUARTERDECK_PARAM_GIT_SIGNING_KEY"


@pytest.fixture
def done(carry_out_once: QueueRun, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv(SIGN, "true")
    return carry_out_once("```file note.txt\nhello\n```")


def make_key(folder: Path, kind: str) -> Path:
    path = folder / "signing_key"
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "quarterdeck", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def commit(api: APIClient, run: Run) -> Any:
    return api.post(f"/api/runs/{run.pk}/approve", {"commit": True})


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_git_takes_the_signature_for_good(
    api: APIClient, done: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    key = make_key(tmp_path, kind)
    monkeypatch.setenv(KEY, base64.b64encode(key.read_bytes()).decode())
    made = commit(api, done).json()["git"]["commit"]
    signers = tmp_path / "signers"
    signers.write_text(f"quarterdeck@localhost {key.with_suffix('.pub').read_text()}")
    trusted = [("gpg.format", "ssh"), ("gpg.ssh.allowedSignersFile", str(signers))]
    open_repository(done.project).run(["verify-commit", made], config=trusted)


@pytest.mark.parametrize("value", ["", "not base64", base64.b64encode(b"not a key").decode()])
def test_without_a_good_key_nothing_is_written(
    api: APIClient, done: Run, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    if value:
        monkeypatch.setenv(KEY, value)
    answer = commit(api, done)
    assert (answer.status_code, answer.json()["code"]) == (409, "signing-failed")
    assert "git.sign_commits" in answer.json()["detail"]
    assert not RunReview.objects.exists()
