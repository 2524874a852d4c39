"""Replaces secret values by their names, in whole texts and in streams of pieces; it knows no Django.

In which forms a value is looked for: `runs.secret_forms`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from runs.secret_forms import (
    MAX_BREAK_CHARACTERS,
    MIN_CHARACTERS,
    UNBROKEN_CHARACTERS,
    JoinedText,
    encoded_forms,
    endings,
    joined_end,
    plain_forms,
    without_breaks,
)

_HEX = re.compile("[0-9a-f]+")
_HALVES = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class Redactor:
    """Knows secrets by their names. `text` and streams give the same, whatever the pieces are."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._names: dict[str, str] = {}
        plain = self._named(secrets, plain_forms)
        encoded = self._named(secrets, encoded_forms)
        self._plain = _longest_first(plain)
        self._plain_bytes = [form.encode("utf-8", "surrogatepass") for form in self._plain]
        cores = {min(endings(form), key=len) for form in encoded}
        self._hex_cores = sorted(core for core in cores if _HEX.fullmatch(core))  # of both alphabets' digits
        self._cores = sorted(cores - set(self._hex_cores) - {core.upper() for core in self._hex_cores})
        self._shortest_core = min(map(len, cores), default=0)
        self._encoded = _longest_first({each for form in encoded for each in endings(form)})
        for form in encoded:
            for each in endings(form):
                self._names.setdefault(each, self._names[form])
        longest = max(map(len, self._encoded), default=0) * (MAX_BREAK_CHARACTERS + 1)
        self._longest = max(longest, max(map(len, self._plain), default=0))
        self._openings = _openings(self._names)
        self._by_beginning: dict[str, list[str]] = {}
        for form in (*self._plain, *self._encoded):
            self._by_beginning.setdefault(form[:UNBROKEN_CHARACTERS], []).append(form)
        self._is_encoded = frozenset(self._encoded)

    def _named(self, secrets: Mapping[str, str], forms_of: Callable[[str], Iterator[str]]) -> list[str]:
        """The forms of all values, their names kept."""
        replacements = {name: f"[redacted: {name}]" for name in secrets}
        said = "\0".join(replacements.values())
        found: dict[str, str] = {}
        for name, value in secrets.items():
            for form in forms_of(value):
                if form not in said:  # else what was redacted once would be so again
                    found.setdefault(form, replacements[name])
        self._names = found | self._names
        return list(found)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return _any_of(self._plain)

    @cached_property
    def _encoded_pattern(self) -> re.Pattern[str]:
        return _any_of(self._encoded)

    def is_in(self, text: str) -> bool:
        """Whether a secret is in the text. Much cheaper than to look where."""
        if any(form in text for form in self._plain):
            return True
        return self._may_be_encoded_in(text) and any(self._places(text))

    def is_in_bytes(self, text: bytes) -> bool:
        """The same of a text in UTF-8."""
        if any(form in text for form in self._plain_bytes):
            return True
        return self._may_be_encoded_in(text.decode("latin-1")) and any(self._places(text.decode("utf-8", "replace")))

    def _may_be_encoded_in(self, text: str) -> bool:
        if len(text) < self._shortest_core:
            return False
        joined = without_breaks(text)
        if any(core in joined for core in self._cores):
            return True
        digits = joined.lower()
        return any(core in digits for core in self._hex_cores)

    def _places(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Where secrets begin and end in the text, in order, and how they read: the first, and of these the longest."""
        joined, encoded = JoinedText(""), None
        if self._may_be_encoded_in(text):
            joined = JoinedText(text)
            encoded = joined.search(self._encoded_pattern, 0)
        plain, at = self._plain_place(text, 0), 0
        while found := min(filter(None, (plain, encoded)), key=lambda place: (place[0], -place[1]), default=None):
            yield found
            at = found[1]
            if plain is not None and plain[0] < at:
                plain = self._plain_place(text, at)
            if encoded is not None and encoded[0] < at:
                encoded = joined.search(self._encoded_pattern, at)

    def _plain_place(self, text: str, at: int) -> tuple[int, int, str] | None:
        found = self._pattern.search(text, at)
        return None if found is None else (found.start(), found.end(), found[0])

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
            for start, _, form in self._places(text):
                yield start, self._names[form].removeprefix("[redacted: ").removesuffix("]")

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
        at, opening = 0, self._opening(text, 0)
        for start, end, form in self._places(text) if self.is_in(text) else ():
            if start >= opening and not is_last:
                break
            done += (text[at:start], self._names[form])
            at, opening = end, opening if opening >= end else self._opening(text, end)
        if not is_last:
            return "".join((*done, text[at:opening])), text[opening:]
        return "".join((*done, self._without_half(text, at))), ""

    def _without_half(self, text: str, at: int) -> str:
        """The end of a text from a place on, without a secret that was cut off in it."""
        opening = self._opening(text, at)
        while opening < len(text):
            for form, beginning in self._begun_by(text[opening:]):
                if MIN_CHARACTERS <= len(beginning) >= len(form) / 2:
                    return text[at:opening] + self._names[form]
            opening = self._opening(text, opening + 1)
        return text[at:]

    def _opening(self, text: str, at: int) -> int:
        """Where the text's end begins that a secret may go on from; its length where there is none."""
        start = max(at, len(text) - self._longest + 1)
        while found := self._openings.search(text, start):
            start = found.start()
            if len(text) - start < UNBROKEN_CHARACTERS or any(self._begun_by(text[start:])):
                return start
            start += 1
        return len(text)

    def _begun_by(self, rest: str) -> Iterator[tuple[str, str]]:
        """The forms that the end of a text may be the beginning of, and how it reads without breaks of lines."""
        joined = joined_end(rest)
        for form in self._by_beginning.get(rest[:UNBROKEN_CHARACTERS], ()):
            beginning = joined if form in self._is_encoded else rest
            if len(form) > len(beginning) and form.startswith(beginning):
                yield form, beginning


def _longest_first(forms: Iterable[str]) -> list[str]:
    return sorted(forms, key=lambda form: (-len(form), form))


def _any_of(forms: Iterable[str]) -> re.Pattern[str]:
    """The first that fits: of two that begin alike the one that is named first."""
    by_first: dict[str, list[str]] = {}
    for form in forms:
        by_first.setdefault(form[0], []).append(re.escape(form[1:]))
    return re.compile(
        "|".join(f"{re.escape(first)}(?:{'|'.join(rests)})" for first, rests in by_first.items()) or "(?!)"
    )


def _openings(forms: Iterable[str]) -> re.Pattern[str]:
    """How forms begin: with three characters, or with fewer at a text's end."""
    by_first: dict[str, set[str]] = {}
    for form in forms:
        by_first.setdefault(form[0], set()).add(form[1:UNBROKEN_CHARACTERS])
    branches = (
        f"{re.escape(first)}(?:{'|'.join([*map(re.escape, sorted(seconds)), *ends])})"
        for first, seconds in sorted(by_first.items())
        for ends in [[rf"{re.escape(each)}\Z" for each in sorted({second[:1] for second in seconds})] + [r"\Z"]]
    )
    return re.compile("|".join(branches) or "(?!)")


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
