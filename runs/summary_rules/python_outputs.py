"""What pytest and unittest (Django's runner too) say at their end."""

import re

from runs.summary_rules.facts import Counts
from runs.summary_rules.reading import NAME_AND_NUMBER, NUMBER_AND_NAME, last_match, milliseconds, named_counts

_PYTEST = re.compile(
    r"=* ?((?:\d{1,9} [a-z]{2,20}(?: passed| failed)?(?:, )?)+|no tests ran) in ([\d.]{1,12}s)(?: \([\d:]+\))? ?=*"
)
_PYTEST_WITHOUT_TIME = re.compile(r"=+ ((?:\d{1,9} [a-z]{2,20}(?:, )?)+) =+()")
_RAN = re.compile(r"Ran (\d{1,9}) tests? in ([\d.]{1,12}s)")
_UNITTEST_END = re.compile(r"(OK|FAILED|NO TESTS RAN)(?: \(([a-z =,\d]{1,200})\))?")


def read_pytest(lines: list[str], *, is_whole: bool) -> Counts:
    """`=== 1 failed, 12 passed, 2 skipped in 0.45s ===`, with or without the bars."""
    match = last_match(_PYTEST, lines) or last_match(_PYTEST_WITHOUT_TIME, lines)
    if match is None:
        return Counts()
    told = named_counts(match[1], NUMBER_AND_NAME)
    failed = told.get("failed", 0) + told.get("error", 0) + told.get("errors", 0)
    skipped = told.get("skipped", 0) + told.get("xfailed", 0)
    return Counts(told.get("passed", 0) + told.get("xpassed", 0), failed, skipped, milliseconds(match[2]))


def read_unittest(lines: list[str], *, is_whole: bool) -> Counts:
    """`Ran 12 tests in 0.1s`, and after it `OK (skipped=1)` or `FAILED (failures=1, errors=1)`."""
    ran, end = last_match(_RAN, lines), last_match(_UNITTEST_END, lines)
    if ran is None or end is None:
        return Counts()
    told = named_counts(end[2] or "", NAME_AND_NUMBER)
    failed = told.get("failures", 0) + told.get("errors", 0) + told.get("unexpected successes", 0)
    skipped = told.get("skipped", 0) + told.get("expected failures", 0)
    return Counts(max(0, int(ran[1]) - failed - skipped), failed, skipped, milliseconds(ran[2]))
