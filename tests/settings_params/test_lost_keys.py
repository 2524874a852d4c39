"""Encryption keys that are lost or damaged: a problem of its own at the doors, and a finding of `doctor`."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from rest_framework.test import APIClient

from projects.models import Project, ProjectCredential
from settings_params.models import ServerParam
from settings_params.secrets import encrypt
from tests.config.answers import problem
from tests.config.test_doctor import findings

pytestmark = pytest.mark.django_db
KEY = "providers.anthropic.api_key"
LOST = (503, "secret-unreadable")


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys of the test's own."""
    monkeypatch.delenv("QUARTERDECK_ENCRYPTION_KEYS", raising=False)
    monkeypatch.setattr(settings, "ENCRYPTION_KEY_FILE", tmp_path / "encryption_keys")
    return tmp_path / "encryption_keys"


def test_a_secret_param_that_cannot_be_stored_says_who_must_act(operator: APIClient, key_file: Path) -> None:
    key_file.write_text("nonsense")
    answer = operator.put("/api/settings/server-params", {KEY: "sk-secret"})
    assert (problem(answer), ServerParam.objects.exists()) == (LOST, False)
    assert "Operator: put back the file encryption_keys" in answer.json()["detail"]


def test_the_answer_tells_neither_the_secret_nor_where_the_server_keeps_its_data(
    operator: APIClient, key_file: Path
) -> None:
    key_file.write_text("nonsense")
    text = operator.put("/api/settings/server-params", {KEY: "sk-secret"}).content.decode()
    assert not any(secret in text for secret in ("sk-secret", "nonsense", str(key_file.parent)))


def test_a_credential_that_cannot_be_stored_says_so_too(api: APIClient, project: Project, key_file: Path) -> None:
    key_file.write_text("nonsense")
    body = {"kind": "https_token", "token": "secret"}
    assert problem(api.put(f"/api/projects/{project.pk}/credential", body)) == LOST
    assert not ProjectCredential.objects.exists()


def test_doctor_is_content_with_keys_that_open_everything(key_file: Path) -> None:
    ServerParam.objects.create(key=KEY, secret=encrypt("sk-secret"))
    assert findings()["secrets"]["state"] == "ok"


def test_doctor_counts_the_secrets_that_no_key_opens(key_file: Path) -> None:
    ServerParam.objects.create(key=KEY, secret=encrypt("sk-secret"))
    key_file.write_text(Fernet.generate_key().decode())
    finding = findings()["secrets"]
    assert (finding["state"], finding["found"][:16]) == ("failed", "1 stored secrets")
    assert "put back the file encryption_keys" in finding["cure"]


def test_doctor_tells_of_keys_that_are_gone(key_file: Path) -> None:
    ServerParam.objects.create(key=KEY, secret=encrypt("sk-secret"))
    key_file.unlink()
    assert "is missing" in findings()["secrets"]["found"]
