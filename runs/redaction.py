"""Replaces secret values by their names, in whole texts and in streams of pieces; it knows no Django.

A value is looked for as it is and as it is usually written down: in JSON, in an address (RFC 3986), and in base64
(RFC 4648, both alphabets, at each of its three positions, as in `Authorization: Basic`). Lines of a key's file are
looked for one by one. Values of fewer than MIN_CHARACTERS are left alone: they are found in any text.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

MIN_CHARACTERS = 8
PIECE_CHARACTERS = 96
"""Longer values are looked for in pieces of about this length: so little of a stream waits for what comes next."""
_OPENING_CHARACTERS = 3
_BASE64_STARTS = (0, 2, 3)
"""The first base64 characters that depend on the value alone, where it begins at byte 0, 1 or 2 of three."""
_HALVES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_COMMON_LINES = re.compile(r"-----|b3BlbnNzaC1rZXktdjE")  # armour (RFC 7468), and how every new OpenSSH key begins


class Redactor:
    """Knows secrets by their names. `text` and streams give the same, whatever the pieces are."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        replacements = {name: f"[redacted: {name}]" for name in secrets}
        said = "\0".join(replacements.values())
        self._names: dict[str, str] = {}
        for name, value in secrets.items():
            for form in _forms(value):
                if form not in said:  # else what was redacted once would be so again
                    self._names.setdefault(form, replacements[name])
        self._forms = sorted(self._names, key=lambda form: (-len(form), form))
        self._encoded_forms = [form.encode("utf-8", "surrogatepass") for form in self._forms]
        self._longest = len(self._forms[0]) if self._forms else 0
        self._openings = {form[:length] for form in self._forms for length in range(1, _OPENING_CHARACTERS + 1)}
        self._pattern = re.compile("|".join(map(re.escape, self._forms)))  # the longest first

    def is_in(self, text: str) -> bool:
        """Whether a secret is in the text. Much cheaper than to look where."""
        return any(form in text for form in self._forms)

    def is_in_bytes(self, text: bytes) -> bool:
        """The same of a text in UTF-8."""
        return any(form in text for form in self._encoded_forms)

    def text(self, text: str) -> str:
        """The text with `[redacted: NAME]` in place of each secret."""
        if not self.is_in(text) and self._opening(text, 0) == len(text):
            return text
        return self.cut(text, is_last=True)[0]

    def value(self, value: Any) -> Any:
        """JSON with its texts and keys redacted; numbers are left as they are."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(each) for key, each in value.items()}
        return [self.value(each) for each in value] if isinstance(value, list | tuple) else value

    def find(self, text: str) -> Iterator[tuple[int, str]]:
        """Where whole secrets are in the text, and how each is called."""
        if self.is_in(text):
            for match in self._pattern.finditer(text):
                yield match.start(), self._names[match[0]].removeprefix("[redacted: ").removesuffix("]")

    def find_in(self, pieces: Iterator[bytes]) -> Iterator[tuple[int, str]]:
        """The numbers of the lines that secrets begin in, and their names; some may be told twice."""
        end, line = "", 1
        for piece in pieces:
            text = end + piece.decode("latin-1")
            for at, name in self.find(text):
                yield line + text.count("\n", 0, at), name
            end = text[max(0, len(text) - self._longest + 1) :]
            line += text.count("\n", 0, len(text) - len(end))

    def stream(self) -> "TextStream":
        """For one text that comes in pieces."""
        return TextStream(self)

    def cut(self, text: str, *, is_last: bool) -> tuple[str, str]:
        """The redacted text, and what of its end has to wait: it may be the beginning of a secret.

        Where nothing more comes, a beginning of at least half a secret is taken for one.
        """
        done: list[str] = []
        at, may_be_in = 0, self.is_in(text)
        while True:
            opening = self._opening(text, at)
            found = self._pattern.search(text, at) if may_be_in else None
            if found is None or (found.start() >= opening and not is_last):
                break
            done += (text[at : found.start()], self._names[found[0]])
            at = found.end()
        if not is_last:
            return "".join((*done, text[at:opening])), text[opening:]
        return "".join((*done, self._without_half(text, at))), ""

    def _without_half(self, text: str, at: int) -> str:
        """The end of a text from a place on, without a secret that was cut off in it."""
        opening = self._opening(text, at)
        while opening < len(text):
            for form in self._forms:
                if form.startswith(text[opening:]) and MIN_CHARACTERS <= len(text) - opening >= len(form) / 2:
                    return text[at:opening] + self._names[form]
            opening = self._opening(text, opening + 1)
        return text[at:]

    def _opening(self, text: str, at: int) -> int:
        """Where the text's end begins that a secret may go on from; its length where there is none."""
        for start in range(max(at, len(text) - self._longest + 1), len(text)):
            if text[start : start + _OPENING_CHARACTERS] in self._openings:
                rest = text[start:]
                if any(len(form) > len(rest) and form.startswith(rest) for form in self._forms):
                    return start
        return len(text)


class TextStream:
    """Redacts one text that comes in pieces: what may be the beginning of a secret waits for what comes next."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._waiting = ""

    def take(self, piece: str) -> str:
        """What can be told by now."""
        done, self._waiting = self._redactor.cut(_put_together(self._waiting + piece), is_last=False)
        if "\ud800" <= done[-1:] <= "\udbff":  # half a character: the other half may come
            done, self._waiting = done[:-1], done[-1] + self._waiting
        return done

    def finish(self) -> str:
        """The rest. The stream may be used for another text then."""
        done, _ = self._redactor.cut(self._waiting, is_last=True)
        self._waiting = ""
        return done


class ByteStream:
    """The same of bytes. Text that is no ASCII is known in UTF-8."""

    def __init__(self, redactor: Redactor) -> None:
        self._stream = TextStream(redactor)

    def take(self, piece: bytes) -> bytes:
        """What can be told by now."""
        return self._stream.take(piece.decode("latin-1")).encode("latin-1")

    def finish(self) -> bytes:
        """The rest."""
        return self._stream.finish().encode("latin-1")


def _put_together(text: str) -> str:
    """Characters whose two halves (UTF-16) came apart, as programs do that cut text by JavaScript's length."""
    if text.isascii():
        return text
    return _HALVES.sub(lambda halves: halves[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)


def _forms(value: str) -> Iterator[str]:
    """What is looked for, in text and in bytes: these are read as Latin-1, each as the character of its number."""
    for piece in _pieces(value):
        for form in {piece, *_in_json(piece), *_in_an_address(piece)}:
            yield form
            if not form.isascii():
                yield form.encode("utf-8", "replace").decode("latin-1")
        yield from _in_base64(piece.encode("utf-8", "replace"))


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
