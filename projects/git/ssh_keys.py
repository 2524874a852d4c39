"""Private SSH keys that people give: read, opened and named by their fingerprint; never echoed in an error."""

import base64
import hashlib
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from projects.git.key_work import MAXIMUM_BCRYPT_ROUNDS, is_too_much_work

LEAST_RSA_BITS = 2048


class KeyRefused(Exception):
    """No key that we can use. `code` is kebab-case, `message` plain text; `of_passphrase`: that is to blame."""

    def __init__(self, code: str, message: str, *, of_passphrase: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.of_passphrase = code, message, of_passphrase


@dataclass(frozen=True)
class SshKey:
    """An opened key: `text` in OpenSSH's format without a passphrase, `fingerprint` as ssh-keygen(1) shows it."""

    text: str = field(repr=False)
    fingerprint: str


def read_ssh_key(text: str, passphrase: str | None = None) -> SshKey:
    """Open a key in OpenSSH's or a PEM format. Ed25519, ECDSA and RSA from 2048 bits; raises KeyRefused."""
    key = _load(text.strip().encode() + b"\n", passphrase)
    if not isinstance(key, Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey):
        raise KeyRefused("invalid-key", "Use an Ed25519, ECDSA or RSA key.")
    if isinstance(key, RSAPrivateKey) and key.key_size < LEAST_RSA_BITS:
        raise KeyRefused("weak-key", f"An RSA key needs {LEAST_RSA_BITS} bits. Ed25519 is better.")
    try:
        opened = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except (ValueError, UnsupportedAlgorithm):
        raise _no_key() from None
    return SshKey(opened, fingerprint_of(public))


def _load(data: bytes, passphrase: str | None) -> object:
    is_openssh = b"BEGIN OPENSSH PRIVATE KEY" in data
    load = load_ssh_private_key if is_openssh else load_pem_private_key
    if passphrase and is_too_much_work(data):
        raise KeyRefused(
            "passphrase-too-slow",
            f"The passphrase takes too long to check. Give it {MAXIMUM_BCRYPT_ROUNDS} rounds at most on a copy of the "
            "key: ssh-keygen -p -a 64.",
            of_passphrase=True,
        )
    try:
        return load(data, passphrase.encode() if passphrase else None)
    except UnsupportedAlgorithm:
        raise _no_key() from None
    except TypeError:  # a passphrase where none is needed, or none where one is
        code, message = (
            ("passphrase-unneeded", "The key has no passphrase.")
            if passphrase
            else ("passphrase-needed", "The key is protected: give its passphrase.")
        )
        raise KeyRefused(code, message, of_passphrase=True) from None
    except ValueError:
        if passphrase and (is_openssh or b"ENCRYPTED" in data):
            raise KeyRefused("wrong-passphrase", "The passphrase does not open the key.", of_passphrase=True) from None
        raise _no_key() from None


def _no_key() -> KeyRefused:
    return KeyRefused(
        "invalid-key", "This is not a private SSH key. Give the whole file, first and last line included."
    )


def fingerprint_of(public: bytes) -> str:
    """SHA-256 of a public key's blob, base64 without padding (ssh-keygen -l); `public` is its line."""
    digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
