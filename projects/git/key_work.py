"""How much work the passphrase of a private key makes, read before any of it is done: whoever gives the key decides it.

A key can name billions of rounds, which would hold up a thread of the server for hours.
"""

import base64
import binascii
import re
from collections.abc import Iterator

MAXIMUM_BCRYPT_ROUNDS = 100
MAXIMUM_ITERATIONS = 2_000_000
"""Each some three seconds of a processor."""
_OPENSSH_MAGIC = b"openssh-key-v1\0"
_ENCRYPTED_PKCS8 = b"ENCRYPTED PRIVATE KEY"
_INTEGER, _CONSTRUCTED, _INDEFINITE = 0x02, 0x20, 0x80


def is_too_much_work(pem: bytes) -> bool:
    """Would opening the key take longer than a few seconds? False for what is no key at all."""
    blocks = re.findall(rb"-----BEGIN ([A-Z ]+)-----(.*?)-----END", pem, re.DOTALL)
    return any(_is_too_much(label, text) for label, text in blocks)


def _is_too_much(label: bytes, text: bytes) -> bool:
    try:
        data = base64.b64decode(text)
        if data.startswith(_OPENSSH_MAGIC):
            return _bcrypt_rounds(data) > MAXIMUM_BCRYPT_ROUNDS
        return label == _ENCRYPTED_PKCS8 and max(_integers(_algorithm(data)), default=0) > MAXIMUM_ITERATIONS
    except (binascii.Error, IndexError):
        return False


def _bcrypt_rounds(data: bytes) -> int:
    """From the options of the key derivation: cipher, its name, `salt` and `rounds` (OpenSSH, PROTOCOL.key)."""
    _cipher, rest = _text(data[len(_OPENSSH_MAGIC) :])
    name, rest = _text(rest)
    options, _ = _text(rest)
    _salt, rounds = _text(options)
    return int.from_bytes(rounds[:4], "big") if name == b"bcrypt" else 0


def _text(data: bytes) -> tuple[bytes, bytes]:
    """A string with its length before it (RFC 4251, 5), and what follows."""
    end = 4 + int.from_bytes(data[:4], "big")
    return data[4:end], data[end:]


def _algorithm(der: bytes) -> bytes:
    """The first member of EncryptedPrivateKeyInfo (RFC 5958, 3): schemes, salts and iteration counts."""
    _, content, _ = _element(der)
    _, algorithm, _ = _element(content)
    return algorithm


def _integers(der: bytes) -> Iterator[int]:
    left = [der]  # no recursion: a key may be nested as deep as it is long
    while left:
        if not (part := left.pop()):
            continue
        tag, content, rest = _element(part)
        left.append(rest)
        if tag == _INTEGER:
            yield int.from_bytes(content, "big")
        elif tag & _CONSTRUCTED:
            left.append(content)


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content and rest of one element (X.690, 8.1); IndexError where there is none."""
    length, start = der[1], 2
    if length == _INDEFINITE:
        return der[0], der[start:], b""
    if length & _INDEFINITE:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    return der[0], der[start : start + length], der[start + length :]
