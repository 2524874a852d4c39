"""What models cost: the lines of `providers.prices`, over a table of the vendors' list prices. It knows no Django.

A line is `MODEL=INPUT/OUTPUT[/CACHED[/CACHE_WRITE]]`, in US dollars for a million tokens. MODEL is a name as agents
send it; one that ends in `*` stands for all that begin so. CACHED is for input that was read from the vendor's cache,
CACHE_WRITE for input that was written to it; without them both cost what input costs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

_LINE = re.compile(r"(?P<model>[^=\s]{1,120})=(?P<prices>[0-9.]+(/[0-9.]+){1,3})")
_NUMBER = re.compile(r"\d{1,5}(\.\d{1,6})?")
_DATE = re.compile(r"[-@]((19|20)\d{6}|20\d\d-\d\d-\d\d|latest|00\d)$")
_MILLION = Decimal(1_000_000)
_MICRODOLLAR = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    input: Decimal
    output: Decimal
    cached: Decimal
    cache_write: Decimal

    def cost(self, *, input_tokens: int, output_tokens: int, cached_tokens: int, cache_write_tokens: int) -> Decimal:
        """US dollars for one call, to the millionth. Cached and written tokens are part of the input."""
        fresh = max(input_tokens - cached_tokens - cache_write_tokens, 0)
        together = fresh * self.input + cached_tokens * self.cached
        together += cache_write_tokens * self.cache_write + output_tokens * self.output
        return (together / _MILLION).quantize(_MICRODOLLAR)


def price_line(text: str) -> str | None:
    """Rule of the param: what is wrong with a line, None when nothing is."""
    found = _LINE.fullmatch(text)
    if found and all(_NUMBER.fullmatch(number) for number in found["prices"].split("/")):
        return None
    return (
        "takes lines like MODEL=3/15 or MODEL=3/15/0.3/3.75: US dollars for a million tokens of input, output, cached."
    )


def _parsed(line: str) -> tuple[str, Price]:
    model, _, prices = line.partition("=")
    numbers = [Decimal(number) for number in prices.split("/")]
    numbers += [numbers[0]] * (4 - len(numbers))
    return model, Price(*numbers)


# The vendors' list prices of November 2026, for prompts of usual length; `providers.prices` is asked first.
_LIST_PRICES = dict(
    map(
        _parsed,
        (
            "claude-fable-5-1=10/50/0.25/12.5",
            "claude-opus-5-5=4/20/0.2/5",
            "claude-opus-5=5/25/0.5/6.25",
            "claude-sonnet-5-5=2/10/0.2/2.5",
            "claude-sonnet-5=2/10/0.2/2.5",
            "claude-haiku-5-5=0.1/0.5/0.01/0.125",
            "claude-opus-4-6=5/25/0.5/6.25",
            "claude-opus-4-5=5/25/0.5/6.25",
            "claude-opus-4-1=15/75/1.5/18.75",
            "claude-opus-4=15/75/1.5/18.75",
            "claude-sonnet-4-6=3/15/0.3/3.75",
            "claude-sonnet-4-5=3/15/0.3/3.75",
            "claude-sonnet-4=3/15/0.3/3.75",
            "claude-3-7-sonnet=3/15/0.3/3.75",
            "claude-haiku-4-5=1/5/0.1/1.25",
            "claude-3-5-haiku=0.8/4/0.08/1",
            "gpt-6.1-sol=2/10/0.1/2.5",
            "gpt-6.1-terra=1/5/0.05/1.25",
            "gpt-6-astra=10/50/1/12.5",
            "gpt-6-sol=2/10/0.2/2.5",
            "gpt-6-luna=0.1/0.5/0.01/0.125",
            "gpt-5.6-sol=4/20/0.4/5",
            "gpt-5.6-terra=2/12/0.2/2.5",
            "gpt-5.6-luna=0.2/1.2/0.02/0.25",
            "gpt-5.5=5/30/0.5",
            "gpt-5.2=1.75/14/0.175",
            "gpt-5.1=1.25/10/0.125",
            "gpt-5.1-codex=1.25/10/0.125",
            "gpt-5=1.25/10/0.125",
            "gpt-5-codex=1.25/10/0.125",
            "gpt-5-mini=0.25/2/0.025",
            "gpt-5-nano=0.05/0.4/0.005",
            "gpt-4.1=2/8/0.5",
            "gpt-4.1-mini=0.4/1.6/0.1",
            "gpt-4.1-nano=0.1/0.4/0.025",
            "gpt-4o=2.5/10/1.25",
            "gpt-4o-mini=0.15/0.6/0.075",
            "o3=2/8/0.5",
            "o4-mini=1.1/4.4/0.275",
            "gemini-2.5-pro=1.25/10/0.125",
            "gemini-2.5-flash=0.3/2.5/0.03",
            "gemini-2.5-flash-lite=0.1/0.4/0.01",
            "gemini-2.0-flash=0.1/0.4/0.025",
        ),
    )
)


def price_of(model: str, lines: Sequence[str]) -> Price | None:
    """By the lines of the param (the whole name first, then the longest beginning), else the list price of its vendor.

    A date at the end of a name does not count for the list. None where nobody knows.
    """
    own = dict(map(_parsed, lines))
    beginnings = [name for name in own if name.endswith("*") and model.startswith(name[:-1])]
    if model in own or beginnings:
        return own.get(model) or own[max(beginnings, key=len)]
    return _LIST_PRICES.get(_DATE.sub("", model))
