"""The types of server params: what values each takes, and how it reads and writes them as text. It knows no Django."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from config.api.numbers import is_whole

_URI = re.compile(r"(?:[A-Za-z0-9._~:/@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
_HOST_ENTRY = re.compile(
    r"(?=.{1,255}(:|$))(\*\.)?[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*(:(?P<port>[1-9][0-9]{0,4}))?", re.IGNORECASE
)
TextRule = Callable[[str], str | None]
"""A sentence on what is wrong with a text (without the text itself), None when nothing is."""


class ParamInvalid(ValueError):
    """A value does not fit its param; `code` names the reason. The message never holds the value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Param:
    """One server param: `key` is its group, a dot and its name.

    `remote` is False where setting it means code execution: then only the server's own side may. `operators_only` hides
    it from people who are not operators.
    """

    type: ClassVar[str]
    takes: ClassVar[str]
    is_secret: ClassVar[bool] = False
    is_file: ClassVar[bool] = False
    key: str
    default: Any
    description: str
    remote: bool = True
    operators_only: bool = False

    @property
    def group(self) -> str:
        return self.key.partition(".")[0]

    @property
    def environment_name(self) -> str:
        """`safety.auto_git_push` → `QUARTERDECK_PARAM_SAFETY_AUTO_GIT_PUSH`."""
        return "QUARTERDECK_PARAM_" + self.key.replace(".", "_").upper()

    @property
    def constraints(self) -> Mapping[str, Any]:
        """The bounds, as clients are told them."""
        return {}

    def check(self, value: Any) -> Any:
        """The value as the code gets it, or ParamInvalid."""
        raise NotImplementedError

    def parse(self, text: str) -> Any:
        """The value that a text stands for: JSON, and for all that is text the text itself."""
        try:
            return self.check(json.loads(text))
        except ParamInvalid:
            raise
        except (ValueError, RecursionError):
            raise self._wrong_type() from None

    def print(self, value: Any) -> str:
        """The text that `parse` takes for this value."""
        return json.dumps(value)

    def _wrong_type(self) -> ParamInvalid:
        return ParamInvalid("invalid-type", f"{self.key} takes {self.takes}.")


@dataclass(frozen=True, kw_only=True)
class BoolParam(Param):
    """True or false."""

    type: ClassVar[str] = "bool"
    takes: ClassVar[str] = "true or false"

    def check(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self._wrong_type()
        return value


@dataclass(frozen=True, kw_only=True)
class _NumberParam(Param):
    minimum: float
    maximum: float

    @property
    def constraints(self) -> Mapping[str, Any]:
        return {"minimum": self.minimum, "maximum": self.maximum}

    def _in_range(self, value: Any) -> Any:
        if not self.minimum <= value <= self.maximum:
            raise ParamInvalid("out-of-range", f"{self.key} takes {self.minimum} to {self.maximum}.")
        return value


@dataclass(frozen=True, kw_only=True)
class IntParam(_NumberParam):
    """A whole number. A bool is not taken for one."""

    type: ClassVar[str] = "int"
    takes: ClassVar[str] = "a whole number"

    def check(self, value: Any) -> int:
        if not is_whole(value):
            raise self._wrong_type()
        return int(self._in_range(value))


@dataclass(frozen=True, kw_only=True)
class FloatParam(_NumberParam):
    """A finite number, whole or not."""

    type: ClassVar[str] = "float"
    takes: ClassVar[str] = "a number"

    def check(self, value: Any) -> float:
        if type(value) not in (int, float) or (type(value) is float and not math.isfinite(value)):
            raise self._wrong_type()
        return float(self._in_range(value))


@dataclass(frozen=True, kw_only=True)
class StringParam(Param):
    """One line of text."""

    type: ClassVar[str] = "string"
    takes: ClassVar[str] = "text"
    max_length: int = 500
    rule: TextRule | None = None

    @property
    def constraints(self) -> Mapping[str, Any]:
        return {"maxLength": self.max_length}

    def check(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self._wrong_type()
        return _checked_text(self.key, value, self.max_length, self.rule)

    def parse(self, text: str) -> str:
        return self.check(text)

    def print(self, value: Any) -> str:
        return str(value)


@dataclass(frozen=True, kw_only=True)
class EnumParam(StringParam):
    """One of some words."""

    type: ClassVar[str] = "enum"
    choices: tuple[str, ...]

    @property
    def constraints(self) -> Mapping[str, Any]:
        return {"choices": list(self.choices)}

    def check(self, value: Any) -> str:
        if value not in self.choices:
            raise ParamInvalid("not-a-choice", f"{self.key} takes one of: {', '.join(self.choices)}.")
        return str(value)


@dataclass(frozen=True, kw_only=True)
class ListParam(Param):
    """Different lines of text in an order; a tuple in the code, a JSON array outside."""

    type: ClassVar[str] = "list"
    takes: ClassVar[str] = "a list of texts"
    max_items: int = 100
    max_length: int = 200
    rule: TextRule | None = None

    @property
    def constraints(self) -> Mapping[str, Any]:
        return {"maxItems": self.max_items, "maxLength": self.max_length}

    def check(self, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise self._wrong_type()
        if len(value) > self.max_items or len(set(value)) < len(value):
            raise ParamInvalid("invalid-list", f"{self.key} takes at most {self.max_items} items, each once.")
        if "" in value:
            raise ParamInvalid("invalid-list", f"{self.key} takes no empty items.")
        return tuple(_checked_text(self.key, item, self.max_length, self.rule) for item in value)


@dataclass(frozen=True, kw_only=True)
class SecretParam(Param):
    """One line of text that nobody is shown; None when unset. Stored encrypted.

    `goes_to` names the param with the address that it is sent to: a new address does not get the old secret.
    """

    type: ClassVar[str] = "secret"
    takes: ClassVar[str] = "text"
    is_secret: ClassVar[bool] = True
    default: None = None
    max_length: int = 1000
    goes_to: str = ""

    def parts(self, value: str) -> Mapping[str, str]:
        """What of a value is not to be told, by name."""
        return {self.key: value}

    @property
    def constraints(self) -> Mapping[str, Any]:
        return {"minLength": 1, "maxLength": self.max_length}

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or not value:
            raise self._wrong_type()
        return _checked_text(self.key, value, self.max_length)

    def parse(self, text: str) -> str:
        return self.check(text)

    def print(self, value: Any) -> str:
        return str(value)


def _checked_text(key: str, text: str, max_length: int, rule: TextRule | None = None) -> str:
    if len(text) > max_length or not text.isprintable():
        raise ParamInvalid("invalid-text", f"{key} takes one line of at most {max_length} characters.")
    if rule is not None and (wrong := rule(text)):
        raise ParamInvalid("invalid-text", f"{key} {wrong}")
    return text


def http_address(text: str) -> str | None:
    """Rule: nothing, or `http(s)://host[:port][/path]` without user, query and fragment."""
    try:
        parts = urlsplit(text)
        is_plain = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_plain = False
    if not text or (is_plain and "@" not in parts.netloc and not parts.query and not parts.fragment):
        return None
    return "takes http://HOST/PATH or https://HOST/PATH, without user, password, query and fragment."


def page_address(text: str) -> str | None:
    """Rule: an `http_address`, or a path on this server; in the characters of URIs (RFC 3986)."""
    is_path = text.startswith("/") and not text.startswith("//")
    if _URI.fullmatch(text) and (is_path or http_address(text) is None):
        return None
    return "takes /PATH, http://HOST/PATH or https://HOST/PATH; what is no character of addresses is written as %XX."


def web_origin(text: str) -> str | None:
    """Rule: an origin as browsers send it (RFC 6454): `https://host` or `https://host:port`, in lower case."""
    try:
        parts = urlsplit(text)
        is_origin = parts.scheme in ("http", "https") and text == f"{parts.scheme}://{parts.netloc}" and parts.port != 0
    except ValueError:
        is_origin = False
    if is_origin and parts.hostname and "@" not in text and text == text.lower():
        return None
    return "takes origins: https://HOST or https://HOST:PORT in lower case, without a slash at the end."


def host_entry(text: str) -> str | None:
    """Rule: `example.com` or `*.example.com`, each with or without `:PORT`; names in the letters of DNS (RFC 5890)."""
    found = _HOST_ENTRY.fullmatch(text)
    if found and int(found["port"] or 0) < 65536:
        return None
    return "takes hosts: example.com or *.example.com, with :PORT for others than 80 and 443; other letters as xn--…"
