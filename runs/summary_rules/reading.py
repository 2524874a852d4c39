"""What the readers of outputs share: lines without colours, numbers of bounded length, durations."""

import re

MAX_BYTES = 64 * 1024
"""So much of an output's end is read."""
MAX_LINES = 5_000
MAX_LINE_CHARACTERS = 400

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-9;:?<=>]{0,40}[ -/]?[@-~]|\][^\x07\x1b]{0,400}(?:\x07|\x1b\\)|[@-Z\\-_])"
)  # ECMA-48
_DURATION = re.compile(r"(\d{1,7}(?:[.,]\d{1,9})?) ?(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h)?\b")
_FACTORS = {"ms": 1, "mi": 60_000, "m": 60_000, "h": 3_600_000}


def lines_of(output: str) -> tuple[list[str], bool]:
    """The last lines that are not empty, without colours and the blanks around them, and whether others were left out.

    What a carriage return overwrote counts as a line.
    """
    plain = _ESCAPES.sub("", output[-MAX_BYTES:]).replace("\r", "\n")
    lines = [text[:MAX_LINE_CHARACTERS] for line in plain.split("\n") if (text := line.strip())]
    return lines[-MAX_LINES:], len(output) > MAX_BYTES or len(lines) > MAX_LINES


def milliseconds(text: str) -> int | None:
    """The sum of `1.5s`, `1m 3s`, `12 ms`, `0.3 seconds`; a bare number is in seconds. None where there is none."""
    found = _DURATION.findall(text[:60])
    return round(sum(_in_ms(number, unit) for number, unit in found)) if found else None


def _in_ms(number: str, unit: str) -> float:
    kind = "ms" if unit in ("ms", "millisecond", "milliseconds") else unit[:2] if unit.startswith("mi") else unit
    return float(number.replace(",", ".")) * _FACTORS.get(kind, 1000)


def last_match(pattern: re.Pattern[str], lines: list[str]) -> re.Match[str] | None:
    """The last line that is wholly of this form."""
    return next((match for line in reversed(lines) if (match := pattern.fullmatch(line))), None)


def first_number(pattern: re.Pattern[str], lines: list[str]) -> int | None:
    """Group 1 of the last line of this form."""
    match = last_match(pattern, lines)
    return int(match[1]) if match else None


def named_counts(text: str, pattern: re.Pattern[str]) -> dict[str, int]:
    """`{"failed": 1, "passed": 12}` by a pattern with the groups `number` and `name`; the same name adds up."""
    counts: dict[str, int] = {}
    for match in pattern.finditer(text):
        name = match["name"].lower().strip()
        counts[name] = counts.get(name, 0) + int(match["number"])
    return counts


NUMBER_AND_NAME = re.compile(r"(?P<number>\d{1,9}) (?P<name>[A-Za-z]{2,20}(?: (?:of|outside|tests))?)")
NAME_AND_NUMBER = re.compile(r"(?P<name>[A-Za-z][A-Za-z ]{1,30}?)[:=] {0,12}(?P<number>\d{1,9})\b")
