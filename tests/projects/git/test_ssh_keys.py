"""Private keys as people give them: opened, named as ssh-keygen names them, or refused with a reason."""

import base64
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


@pytest.mark.parametrize("options", [("-t", "rsa", "-b", "2048", "-m", "PEM"), ("-t", "ed25519", "-a", "1")])
def test_an_opened_key_is_still_the_same(make_key: Any, tmp_path: Path, options: tuple[str, ...]) -> None:
    path = make_key(*options, passphrase=PASSPHRASE)
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
        (("-t", "ed25519", "-a", "1"), PASSPHRASE, None, "passphrase-needed"),
        (("-t", "ed25519", "-a", "1"), PASSPHRASE, "wrong", "wrong-passphrase"),
        (("-t", "ed25519", "-a", "101"), PASSPHRASE, PASSPHRASE, "passphrase-too-slow"),
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


@pytest.mark.parametrize(("iterations", "code"), [(2**31 - 1, "passphrase-too-slow"), (2048, "wrong-passphrase")])
def test_more_iterations_than_the_server_has_time_for_are_refused_at_once(iterations: int, code: str) -> None:
    """EncryptedPrivateKeyInfo (RFC 5958) with PBES2's shape, an alien scheme and nothing in it."""

    def der(tag: int, *content: bytes) -> bytes:
        return bytes([tag, len(b"".join(content))]) + b"".join(content)

    count = der(0x02, iterations.to_bytes(4, "big"))
    algorithm = der(0x30, der(0x06, b"\x2a\x03"), der(0x30, der(0x04, b"salt"), count))
    body = base64.encodebytes(der(0x30, algorithm, der(0x04, b"secret"))).decode()
    with pytest.raises(KeyRefused) as caught:
        read_ssh_key(f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}-----END ENCRYPTED PRIVATE KEY-----\n", PASSPHRASE)
    assert caught.value.code == code


def test_a_key_nested_without_end_is_no_key() -> None:
    body = base64.encodebytes(b"\x30\x80" * 5000).decode()
    with pytest.raises(KeyRefused):
        read_ssh_key(f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}-----END ENCRYPTED PRIVATE KEY-----\n", PASSPHRASE)


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
