"""What one model call has used, and the reading of it from the answer; one subclass for each API.

A reader is shown the answer's JSON objects one after another: the events of a stream, or the one of a whole answer.
What does not look as expected is passed over: the agent gets its answer in any case.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

CHARACTERS_A_TOKEN = 4
MOST_TOKENS = 10**9
_LONG_BASE64 = re.compile(rb"[A-Za-z0-9+/=_-]{2000,}")
IMAGE_TOKENS = 1500


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. `input_tokens` is all that was read: `cached_tokens` and `cache_write_tokens` are part of it.

    `is_estimate`: the answer broke off, or did not say.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    is_estimate: bool = False


class UsageReader(ABC):
    """Reads the usage out of one answer."""

    def __init__(self) -> None:
        self._known = Usage(is_estimate=True)
        self._characters = 0

    @abstractmethod
    def take(self, message: Mapping[str, Any]) -> None:
        """Looks at the next object of the answer."""

    def total(self, request_body: bytes) -> Usage:
        """As the answer said, else as far as it did: what is not known is estimated from the texts, and marked."""
        if not self._known.is_estimate:
            return self._known
        written = math.ceil(self._characters / CHARACTERS_A_TOKEN)
        return replace(
            self._known,
            input_tokens=self._known.input_tokens or estimated_tokens(request_body),
            output_tokens=max(self._known.output_tokens, written),
        )

    def _says(self, usage: Usage) -> None:
        self._known = usage

    def _wrote(self, *texts: Any) -> None:
        self._characters += sum(len(text) for text in texts if isinstance(text, str))


class NoUsage(UsageReader):
    """For calls that cost nothing."""

    def take(self, message: Mapping[str, Any]) -> None:
        """Nothing is read."""


def estimated_tokens(request_body: bytes) -> int:
    """About so many tokens has a request: four bytes each; a long run of base64 is an image, whatever its size."""
    text, images = _LONG_BASE64.subn(b"", request_body)
    return math.ceil(len(text) / CHARACTERS_A_TOKEN) + images * IMAGE_TOKENS


def number(holder: Mapping[str, Any], *names: str) -> int:
    """The sum of the members that are numbers of tokens; what is none counts as 0."""
    values = [holder.get(name) for name in names]
    return sum(min(value, MOST_TOKENS) for value in values if type(value) is int and value > 0)


def mapping(holder: Any, name: str) -> Mapping[str, Any]:
    """The member that should be an object; empty where it is not."""
    value = holder.get(name) if isinstance(holder, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def mappings(holder: Mapping[str, Any], name: str) -> Iterable[Mapping[str, Any]]:
    """The objects of a member that should be a list of them."""
    value = holder.get(name)
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
