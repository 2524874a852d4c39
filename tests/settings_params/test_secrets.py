"""Secrets at rest: keys, ciphertext, rotation."""

import json
import os
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from projects.models import Project, ProjectCredential
from settings_params import encryption_keys
from settings_params.errors import SecretUnreadable
from settings_params.models import ServerParam
from settings_params.queries import read_param
from settings_params.secrets import decrypt, encrypt
from settings_params.services.params import change_params
from tests.conftest import all_at_once
from tests.serving import ROOT, wait_until

SECRET = "sk-the-secret-that-nobody-sees"


@pytest.fixture(autouse=True)
def key_file(tmp_path: Path, settings: Settings) -> Path:
    """A key file of the test's own."""
    path = tmp_path / "encryption_keys"
    settings.ENCRYPTION_KEY_FILE = path
    return path


def stored(text: str = SECRET) -> ServerParam:
    """A row that holds a secret."""
    with transaction.atomic():
        return ServerParam.objects.create(key=f"test.{ServerParam.objects.count()}", secret=encrypt(text))


def rotate(*arguments: str) -> dict[str, int]:
    """What the command answers."""
    output = StringIO()
    call_command("rotate_keys", "--json", *arguments, stdout=output)
    answer: dict[str, int] = json.loads(output.getvalue())
    return answer


def database_url() -> str:
    """The address of the database under test, for a process of its own."""
    database = settings.DATABASES["default"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    return "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)


def kill_after(delay_seconds: float, command: list[str], environment: dict[str, str], key_file: Path) -> None:
    """Starts a rotation and kills it so long after it has added its key."""
    keys = key_file.read_text()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    wait_until(lambda: key_file.read_text() != keys or process.poll() is not None)
    time.sleep(delay_seconds)  # the moment is what is varied, not waited for
    process.kill()
    process.wait()


def read_back(row: ServerParam) -> str:
    """The secret in the database."""
    return decrypt(ServerParam.objects.values_list("secret", flat=True).get(pk=row.pk) or "")


@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_secret_comes_back(db: None, text: str) -> None:
    assert decrypt(encrypt(text)) == text


def test_the_key_file_is_made_on_first_use_for_its_owner_alone(db: None, key_file: Path) -> None:
    encrypt(SECRET)
    assert (key_file.stat().st_mode & 0o777, len(key_file.read_text().split())) == (0o600, 1)


@pytest.mark.plumbing
def test_processes_that_start_at_once_agree_on_the_key(key_file: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from settings_params.encryption_keys import read_keys;"
        "sys.stdin.read(); print(*read_keys(Path(sys.argv[1]), make=True))"
    )
    command = [sys.executable, "-c", code, str(key_file)]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdin
        process.stdin.close()  # all four are at the same line by now, or nearly so
        process.stdin = None
    assert len({process.communicate(timeout=60)[0] for process in processes}) == 1
    assert [each.name for each in key_file.parent.iterdir()] == ["encryption_keys"]


def test_the_database_holds_no_plain_text(db: None) -> None:
    row = stored()
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM settings_params_serverparam WHERE id = %s", [row.pk])
        assert SECRET not in cursor.fetchone()[0]


def test_plain_text_is_refused_by_the_field_without_an_echo(db: None) -> None:
    with pytest.raises(ValueError, match="takes ciphertext") as caught:
        ServerParam.objects.create(key="test.x", secret=SECRET)
    assert SECRET not in str(caught.value)


def test_a_dump_of_the_data_holds_no_plain_text(db: None) -> None:
    stored()
    output = StringIO()
    call_command("dumpdata", "settings_params", stdout=output)
    assert '"secret": "gAAAA' in output.getvalue()
    assert SECRET not in output.getvalue()


def test_a_secret_of_lost_keys_is_unreadable_and_says_what_to_restore(db: None, key_file: Path) -> None:
    row = stored()
    key_file.unlink()
    with pytest.raises(SecretUnreadable, match=f"put back the file {key_file.name}"):
        read_back(row)
    key_file.write_text(Fernet.generate_key().decode())
    with pytest.raises(SecretUnreadable, match="No encryption key opens"):
        read_back(row)


def test_a_missing_key_file_is_not_made_by_reading(db: None, key_file: Path) -> None:
    row = stored()
    key_file.unlink()
    with pytest.raises(SecretUnreadable):
        read_back(row)
    assert not key_file.exists()


@pytest.mark.parametrize("text", ["", "nonsense\n", "a" * 44])
def test_a_damaged_key_file_is_said_to_be_so_without_an_echo(db: None, key_file: Path, text: str) -> None:
    row = stored()
    key_file.write_text(text)
    with pytest.raises(SecretUnreadable, match="no usable encryption keys") as caught:
        read_back(row)
    assert not text or text.strip() not in str(caught.value)


def test_the_environments_keys_go_before_the_file(db: None, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    monkeypatch.setenv(encryption_keys.VARIABLE, old)
    token = encrypt(SECRET)
    monkeypatch.setenv(encryption_keys.VARIABLE, f"{new}, {old}")
    assert (decrypt(token), key_file.exists()) == (SECRET, False)
    assert Fernet(new).decrypt(encrypt(SECRET)) == SECRET.encode()


def test_rotation_puts_every_secret_under_a_new_key(db: None, key_file: Path) -> None:
    rows = [stored(f"{SECRET} {number}") for number in range(3)]
    assert rotate() == {"reencrypted": 3, "unreadable": 0, "keys": 2}
    newest = Fernet(key_file.read_text().split()[0])
    for number, row in enumerate(rows):
        row.refresh_from_db()
        assert newest.decrypt(row.secret or "") == f"{SECRET} {number}".encode()


def test_rotation_keeps_old_keys_until_told(db: None, key_file: Path) -> None:
    token = encrypt(SECRET)  # as in a backup
    rotate()
    assert decrypt(token) == SECRET
    assert rotate("--drop-old")["keys"] == 1
    with pytest.raises(SecretUnreadable):
        decrypt(token)


def test_a_rotated_key_file_stays_its_owners_alone(db: None, key_file: Path) -> None:
    stored()
    rotate("--drop-old")
    assert key_file.stat().st_mode & 0o777 == 0o600


def test_a_secret_that_no_key_opens_stops_the_dropping_of_keys(db: None, key_file: Path) -> None:
    lost = stored("lost")
    key_file.write_text(Fernet.generate_key().decode())
    kept = stored("kept")
    with pytest.raises(CommandError, match="1 secrets cannot be read"):
        rotate("--drop-old")
    assert (len(key_file.read_text().split()), read_back(kept)) == (2, "kept")
    assert ServerParam.objects.get(pk=lost.pk).secret == lost.secret


def test_another_process_notices_the_rotation_without_a_restart(db: None, key_file: Path) -> None:
    row = stored()
    code = (
        "import sys; from pathlib import Path; from settings_params.encryption_keys import keyring\n"
        "for token in sys.stdin:\n"
        "    print(keyring(Path(sys.argv[1]), make=False).decrypt(token.strip()).decode(), flush=True)"
    )
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code, str(key_file)]
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        for arguments in ((), ("--drop-old",)):
            row.refresh_from_db()
            process.stdin.write(f"{row.secret}\n")
            process.stdin.flush()
            assert process.stdout.readline() == f"{SECRET}\n"
            rotate(*arguments)
        process.stdin.close()


def test_with_keys_in_the_environment_rotation_reencrypts_and_changes_no_key(
    db: None, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    monkeypatch.setenv(encryption_keys.VARIABLE, old)
    row = stored()
    monkeypatch.setenv(encryption_keys.VARIABLE, f"{new},{old}")
    assert rotate("--drop-old") == {"reencrypted": 1, "unreadable": 0, "keys": 2}
    monkeypatch.setenv(encryption_keys.VARIABLE, new)
    assert (read_back(row), key_file.exists()) == (SECRET, False)


def test_a_rotation_without_usable_keys_says_so(db: None, key_file: Path) -> None:
    key_file.write_text("nonsense")
    with pytest.raises(CommandError, match="no usable encryption keys"):
        rotate()
    assert key_file.read_text() == "nonsense"


def test_a_killed_rotation_loses_nothing_and_goes_on(transactional_db: None, key_file: Path) -> None:
    rows = [stored(f"{SECRET} {number}") for number in range(3)]
    encryption_keys.add_key(key_file)  # killed right after the new key was written …
    ServerParam.objects.filter(pk=rows[0].pk).update(secret=encrypt(f"{SECRET} 0"))  # … or after the first secret
    assert [read_back(row) for row in rows] == [f"{SECRET} {number}" for number in range(3)]
    rotate("--drop-old")
    assert [read_back(row) for row in rows] == [f"{SECRET} {number}" for number in range(3)]


def test_a_rotation_is_killed_at_many_points_and_every_secret_stays_readable(
    transactional_db: None, key_file: Path
) -> None:
    rows = [stored(f"{SECRET} {number}") for number in range(40)]
    environment = {**os.environ, "QUARTERDECK_HOME": str(key_file.parent), "DATABASE_URL": database_url()}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    command = [sys.executable, "manage.py", "rotate_keys", "--drop-old"]
    for delay in (0.0, 0.003, 0.006, 0.01):
        kill_after(delay, command, environment, key_file)
        assert [read_back(row) for row in rows] == [f"{SECRET} {number}" for number in range(len(rows))]
    assert rotate("--drop-old")["keys"] == 1
    assert read_back(rows[-1]) == f"{SECRET} {len(rows) - 1}"


def test_the_secrets_of_other_apps_are_rotated_too(project: Project, key_file: Path) -> None:
    with transaction.atomic():
        held = ProjectCredential.objects.create(project=project, kind="https_token", secret=encrypt(SECRET))
    assert rotate("--drop-old")["reencrypted"] == 1
    held.refresh_from_db()
    assert decrypt(held.secret) == SECRET


def test_secrets_that_are_set_during_rotations_are_not_lost(transactional_db: None, key_file: Path) -> None:
    rows = [stored() for _ in range(3)]

    def work(number: int) -> None:
        for step in range(5):
            if number == len(rows):
                rotate("--drop-old")
                continue
            with transaction.atomic():
                ServerParam.objects.filter(pk=rows[number].pk).update(secret=encrypt(f"{number} {step}"))

    all_at_once(len(rows) + 1, work)
    assert [read_back(row) for row in rows] == [f"{number} 4" for number in range(3)]


def test_params_that_are_set_during_rotations_neither_fail_nor_are_lost(transactional_db: None, key_file: Path) -> None:
    key = "providers.openai.api_key"

    def work(number: int) -> None:
        for step in range(8):
            if number == 0:
                rotate("--drop-old")
            else:
                change_params({key: f"{number} {step}"}, actor=None, is_remote=False)

    all_at_once(3, work)
    assert read_param(key) in ("1 7", "2 7")
