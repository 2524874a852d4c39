"""Logins: the credentials that an agent's own program keeps in a file, as a secret param. Knows no Django.

What a file holds besides (an account's name, times, scopes) is no secret; the tokens in it are, each by itself: whoever
has got one prints it without the rest.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from settings_params.params import ParamInvalid, SecretParam

GATEWAY, LOGIN = "gateway", "login"
_TELLING = ("token", "key", "secret", "password")
_TELLING_CHARACTERS = 16
"""A text under such a name is a secret from this length on."""
_LONG_CHARACTERS = 60
"""And a text without a space under any name, from this one on."""


@dataclass(frozen=True, kw_only=True)
class LoginParam(SecretParam):
    """A JSON object, on one line in the code. It is given as its file is."""

    takes: ClassVar[str] = "the content of a file, a JSON object"
    is_file: ClassVar[bool] = True
    max_length: int = 20_000

    def check(self, value: Any) -> str:
        try:
            content = json.loads(value) if isinstance(value, str) else None
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict) or not content:
            raise self._wrong_type()
        line = json.dumps(content, separators=(",", ":"))
        if len(line) > self.max_length:
            raise ParamInvalid("invalid-text", f"{self.key} takes at most {self.max_length} characters.")
        return line

    def parts(self, value: str) -> Mapping[str, str]:
        """The secrets in a value, by what they are called there."""
        return {f"{self.key} ({name})": text for name, text in _secrets_in(json.loads(value), "")}


def _secrets_in(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        is_telling = any(word in name.lower() for word in _TELLING)
        if len(value) >= _TELLING_CHARACTERS if is_telling else len(value) >= _LONG_CHARACTERS and " " not in value:
            yield name, value
    elif isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else ((name, each) for each in value)
        for key, each in inner:
            yield from _secrets_in(each, key)
