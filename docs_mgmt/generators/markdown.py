"""A project's names in Markdown: they are shown as they are, on one line, and are never Markdown or HTML themselves."""

import re

MAX_CHARACTERS = 120
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKS = re.compile(r"([\\`*_\[\]<>|#~&!])")


def code(text: str) -> str:
    """A name as code, in a cell of a table too: a fence longer than any backticks within; a bar would end the cell."""
    line = _line(text).replace("|", "\\|") or " "
    longest = max((len(ticks) for ticks in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def plain(text: str) -> str:
    """The same as plain text."""
    return _MARKS.sub(r"\\\1", _line(text))


def names(texts: list[str], most: int = 8) -> str:
    """Names as code with commas between, the first of them where there are many."""
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return ", ".join(map(code, texts[:most])) + more


def counted(count: int, what: str) -> str:
    """A number of things, as in `1 file` and `2,000 files`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _line(text: str) -> str:
    line = _UNSHOWN.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 1] + "…"
