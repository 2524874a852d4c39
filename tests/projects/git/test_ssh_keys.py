"""Private keys as people give them: opened, named as ssh-keygen names them, or refused with a reason."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from projects.git.ssh_keys import KeyRefused, read_ssh_key

pytestmark = pytest.mark.plumbing
PASSPHRASE = "open sesame 77"


@pytest.fixture
def make_key(tmp_path: Path) -> Any:
    """Makes keys with ssh-keygen; the path of the private half."""

    def make(*options: str, passphrase: str = "") -> Path:
        path = tmp_path / "key"
        subprocess.run(["ssh-keygen", "-q", "-N", passphrase, "-C", "", *options, "-f", path], check=True)
        return path

    return make


@pytest.mark.parametrize(
    "options",
    [
        ("-t", "ed25519"),
        ("-t", "rsa", "-b", "2048"),
        ("-t", "rsa", "-b", "2048", "-m", "PEM"),
        ("-t", "ecdsa", "-b", "384"),
        ("-t", "ecdsa", "-m", "PKCS8"),
    ],
)
def test_a_key_is_opened_and_has_the_fingerprint_of_ssh_keygen(make_key: Any, options: tuple[str, ...]) -> None:
    path = make_key(*options)
    shown = subprocess.run(["ssh-keygen", "-l", "-f", path], capture_output=True, text=True, check=True).stdout
    assert read_ssh_key(path.read_text()).fingerprint == shown.split()[1]


def test_an_opened_key_is_still_the_same(make_key: Any, tmp_path: Path) -> None:
    path = make_key("-t", "rsa", "-b", "2048", "-m", "PEM", passphrase=PASSPHRASE)
    opened = tmp_path / "opened"
    opened.touch(0o600)
    opened.write_text(read_ssh_key(path.read_text(), PASSPHRASE).text)
    public = subprocess.run(["ssh-keygen", "-y", "-f", opened], capture_output=True, text=True, check=True).stdout
    assert public.split()[:2] == path.with_suffix(".pub").read_text().split()[:2]


def test_line_ends_of_another_system_do_not_matter(make_key: Any) -> None:
    text = make_key("-t", "ed25519").read_text()
    assert read_ssh_key(text.strip().replace("\n", "\r\n")).fingerprint == read_ssh_key(text).fingerprint


@pytest.mark.parametrize(
    ("options", "stored", "given", "code"),
    [
        (("-t", "ecdsa", "-m", "PKCS8"), PASSPHRASE, None, "passphrase-needed"),
        (("-t", "ecdsa", "-m", "PKCS8"), PASSPHRASE, "wrong", "wrong-passphrase"),
        (("-t", "rsa", "-b", "2048", "-m", "PEM"), PASSPHRASE, "wrong", "wrong-passphrase"),
        (("-t", "ed25519"), PASSPHRASE, None, "passphrase-needed"),
        (("-t", "ed25519"), "", PASSPHRASE, "passphrase-unneeded"),
        (("-t", "rsa", "-b", "1024"), "", None, "weak-key"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(
    make_key: Any, options: tuple[str, ...], stored: str, given: str | None, code: str
) -> None:
    text = make_key(*options, passphrase=stored).read_text()
    with pytest.raises(KeyRefused) as caught:
        read_ssh_key(text, given)
    assert caught.value.code == code
    assert caught.value.of_passphrase == ("passphrase" in code)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKF7uIUZoFxmu1jtzP1NKPkiIrjSL+bgLFoQxyZToQ6r",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "A" * 5000,
        "ключ",
    ],
)
def test_what_is_no_key_is_refused_and_not_echoed(text: str) -> None:
    with pytest.raises(KeyRefused) as caught:
        read_ssh_key(text)
    assert caught.value.code == "invalid-key"
    assert "hunter2" not in caught.value.message
