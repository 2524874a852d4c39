"""What jest, vitest, mocha, Node's own runner, bun, deno and Playwright say at their end."""

import re

from runs.summary_rules.facts import Counts
from runs.summary_rules.reading import NUMBER_AND_NAME, first_number, last_match, milliseconds, named_counts

_JEST = re.compile(r"Tests: {1,12}((?:\d{1,9} [a-z]{2,12}, )*\d{1,9} total)")
_JEST_TIME = re.compile(r"Time: {1,12}([\d.]{1,12} ?m?s)\b.{0,60}")
_VITEST = re.compile(r"Tests {1,12}((?:\d{1,9} [a-z ]{2,20}(?: \| )?)+) ?\(\d{1,9}\)")
_VITEST_TIME = re.compile(r"Duration {1,12}([\d.]{1,12}m?s)\b.{0,200}")
_MOCHA = {
    name: re.compile(rf"(\d{{1,9}}) {name}(?: \([\d.]{{1,10}} ?[a-z]{{1,3}}\))?")
    for name in ("passing", "failing", "pending")
}
_MOCHA_TIME = re.compile(r"\d{1,9} passing \(([\d.]{1,10} ?[a-z]{1,3})\)")
_NODE = {
    name: re.compile(rf"[#\u2139] {name} ([\d.]{{1,12}})")
    for name in ("pass", "fail", "skipped", "todo", "duration_ms")
}
_BUN = {name: re.compile(rf"(\d{{1,9}}) {name}") for name in ("pass", "fail", "skip", "todo")}
_BUN_TIME = re.compile(r"Ran \d{1,9} tests? across \d{1,9} files?\. \[([\d.]{1,10} ?m?s)\]")
_DENO = re.compile(r"(?:ok|FAILED) \| ((?:\d{1,9} [a-z]{2,12}(?: \([^()]{1,40}\))?(?: \| )?)+) \(([^()]{1,30})\)")
_PLAYWRIGHT = {
    name: re.compile(rf"(\d{{1,9}}) {name}(?: \([\d.]{{1,10}}[a-z]{{1,2}}\))?")
    for name in ("passed", "failed", "skipped", "flaky")
}
_PLAYWRIGHT_TIME = re.compile(r"\d{1,9} passed \(([\d.]{1,10}[a-z]{1,2})\)")


def read_jest(lines: list[str], *, is_whole: bool) -> Counts:
    """`Tests: 1 failed, 2 skipped, 10 passed, 13 total`."""
    return _from_names(last_match(_JEST, lines), last_match(_JEST_TIME, lines))


def read_vitest(lines: list[str], *, is_whole: bool) -> Counts:
    """`Tests  1 failed | 10 passed (11)`."""
    return _from_names(last_match(_VITEST, lines), last_match(_VITEST_TIME, lines))


def read_deno(lines: list[str], *, is_whole: bool) -> Counts:
    """`ok | 5 passed | 0 failed | 1 ignored (12ms)`."""
    match = last_match(_DENO, lines)
    counts = _from_names(match, None)
    return counts if match is None else Counts(counts.passed, counts.failed, counts.skipped, milliseconds(match[2]))


def read_mocha(lines: list[str], *, is_whole: bool) -> Counts:
    """`12 passing (34ms)`, `1 failing`, `2 pending`."""
    time = last_match(_MOCHA_TIME, lines)
    return _of_lines(_MOCHA, ("passing", "failing", ("pending",)), lines, time[1] if time else "")


def read_node(lines: list[str], *, is_whole: bool) -> Counts:
    """`# pass 4`, `# fail 1`, `# skipped 0` (TAP), or the same after an information sign."""
    if last_match(_NODE["pass"], lines) is None:
        return Counts()
    took = last_match(_NODE["duration_ms"], lines)
    told = {name: _whole(last_match(pattern, lines)) for name, pattern in _NODE.items()}
    duration = milliseconds(f"{took[1]}ms") if took else None
    return Counts(told["pass"], told["fail"], told["skipped"] + told["todo"], duration)


def read_bun(lines: list[str], *, is_whole: bool) -> Counts:
    """`5 pass`, `0 fail`, `Ran 5 tests across 1 files. [12.00ms]`."""
    time = last_match(_BUN_TIME, lines)
    return _of_lines(_BUN, ("pass", "fail", ("skip", "todo")), lines, time[1]) if time else Counts()


def read_playwright(lines: list[str], *, is_whole: bool) -> Counts:
    """`3 passed (5.2s)`, `1 failed`, `2 skipped`; flaky ones passed in the end."""
    time = last_match(_PLAYWRIGHT_TIME, lines)
    counts = _of_lines(_PLAYWRIGHT, ("passed", "failed", ("skipped",)), lines, time[1] if time else "")
    flaky = first_number(_PLAYWRIGHT["flaky"], lines) or 0
    return (
        counts
        if counts.is_empty
        else Counts((counts.passed or 0) + flaky, counts.failed, counts.skipped, counts.duration_ms)
    )


def _from_names(match: re.Match[str] | None, time: re.Match[str] | None) -> Counts:
    if match is None:
        return Counts()
    told = named_counts(match[1], NUMBER_AND_NAME)
    skipped = sum(told.get(name, 0) for name in ("skipped", "todo", "ignored", "pending"))
    return Counts(told.get("passed", 0), told.get("failed", 0), skipped, milliseconds(time[1]) if time else None)


def _of_lines(
    patterns: dict[str, re.Pattern[str]], names: tuple[str, str, tuple[str, ...]], lines: list[str], time: str
) -> Counts:
    """Of runners that give each number a line of its own; what they leave out is 0."""
    passed, failed = (first_number(patterns[name], lines) for name in names[:2])
    if passed is None and failed is None:
        return Counts()
    skipped = sum(first_number(patterns[name], lines) or 0 for name in names[2])
    return Counts(passed or 0, failed or 0, skipped, milliseconds(time))


def _whole(match: re.Match[str] | None) -> int:
    return int(float(match[1])) if match and match[1].replace(".", "", 1).isdigit() else 0
