"""How a secret value is usually written down; it knows no Django.

As it is, in JSON, in an address (RFC 3986), in base64 (RFC 4648, both alphabets, at each of its three positions, as in
`Authorization: Basic`) and in base 16. Lines of a key's file are looked for one by one. Values of fewer than
MIN_CHARACTERS are left alone: they are found in any text.

Base64 and base 16 are often broken into lines (RFC 2045: 76 characters, RFC 7468: 64, `xxd -p`: 60), in JSON too, where
a break is written `\\n`. A break in front of a form's third character leaves these first ones where they are: else the
end of every other line of a live output would have to wait for the next one.
"""

import base64
import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from urllib.parse import quote

MIN_CHARACTERS = 8
PIECE_CHARACTERS = 96
"""Longer values are looked for in pieces of about this length: so little of a stream waits for what comes next."""
UNBROKEN_CHARACTERS = 3
"""So many of a form, at its beginning, are never apart."""
MAX_BREAK_CHARACTERS = 2
_BREAK = re.compile(r"(?:\r?\n|\\n)(?!\r?\n|\\n)")
_BASE64_STARTS = (0, 2, 3)
"""The first base64 characters that depend on the value alone, where it begins at byte 0, 1 or 2 of three."""
_COMMON_LINES = re.compile(r"-----|b3BlbnNzaC1rZXktdjE")  # armour (RFC 7468), and how every new OpenSSH key begins


def plain_forms(value: str) -> Iterator[str]:
    """What is looked for, in text and in bytes: these are read as Latin-1, each as the character of its number."""
    for piece in _pieces(value):
        for form in {piece, *_in_json(piece), *_in_an_address(piece)}:
            yield form
            if not form.isascii():
                yield form.encode("utf-8", "replace").decode("latin-1")


def encoded_forms(value: str) -> Iterator[str]:
    """The same in base64 and base 16: what may be broken into lines, and whose characters are of these alphabets."""
    for piece in _pieces(value):
        written = piece.encode("utf-8", "replace")
        yield from _in_base64(written)
        yield from (written.hex(), written.hex().upper())


def endings(form: str) -> Iterator[str]:
    """An encoded form, and what is left of it after a break in front of its third character."""
    return (form[start:] for start in range(UNBROKEN_CHARACTERS))


def without_breaks(text: str) -> str:
    """Where an encoded form may be: fast, and a little generous, as several breaks on end go too.

    In the text that it gives, what is no ASCII may be written otherwise.
    """
    if "\n" in text:  # of bytes: replacing is five times as fast there
        joined = text.encode("utf-8", "surrogatepass").replace(b"\n", b"")
        text = joined.replace(b"\r", b"").decode("latin-1")
    return text.replace("\\n", "") if "\\" in text else text


def joined_end(text: str) -> str:
    """The end of a text that goes on, joined; the beginning of a break goes with it."""
    return _BREAK.sub("", text.removesuffix("\\").removesuffix("\r"))


class JoinedText:
    """A text without its single breaks of lines, and where everything was."""

    def __init__(self, text: str) -> None:
        self._starts, self._originals = [0], [0]  # where each line begins, joined and in the text itself
        parts, at, length = [], 0, 0
        for found in _BREAK.finditer(text):
            parts.append(text[at : found.start()])
            length, at = length + found.start() - at, found.end()
            self._starts.append(length)
            self._originals.append(at)
        self._text = "".join((*parts, text[at:]))

    def search(self, pattern: re.Pattern[str], at: int) -> tuple[int, int, str] | None:
        """The first form from a place of the text on: where it begins and ends there, and how it reads joined."""
        start = self._joined(at)
        while found := pattern.search(self._text, start):
            begins, last_of_beginning = self._original(found.start()), found.start() + UNBROKEN_CHARACTERS - 1
            if begins >= at and self._original(last_of_beginning) == begins + UNBROKEN_CHARACTERS - 1:
                return begins, self._original(found.end() - 1) + 1, found[0]
            start = found.start() + 1
        return None

    def _joined(self, at: int) -> int:
        line = bisect_right(self._originals, at)
        place = self._starts[line - 1] + at - self._originals[line - 1]
        return min(place, self._starts[line]) if line < len(self._starts) else place

    def _original(self, at: int) -> int:
        line = bisect_right(self._starts, at) - 1
        return self._originals[line] + at - self._starts[line]


def _in_json(piece: str) -> Iterator[str]:
    for is_ascii in (True, False):
        text = json.dumps(piece, ensure_ascii=is_ascii)[1:-1]
        yield from (text, text.replace("/", "\\/"))  # some escape that too (RFC 8259, 7)


def _in_an_address(piece: str) -> Iterator[str]:
    for safe in ("", "/"):
        text = quote(piece, safe)
        yield from (text, re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), text))


def _pieces(value: str) -> Iterator[str]:
    for line in value.splitlines():
        text = line.strip()
        if len(text) < MIN_CHARACTERS or _COMMON_LINES.match(text):
            continue
        count = max(1, len(text) // PIECE_CHARACTERS)
        for number in range(count):
            end = (number + 1) * PIECE_CHARACTERS if number + 1 < count else len(text)
            yield text[number * PIECE_CHARACTERS : end]


def _in_base64(value: bytes) -> Iterator[str]:
    for before, start in enumerate(_BASE64_STARTS):
        padded = b"\0" * before + value
        end = len(padded) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(padded)[start:end].decode()
