"""What the test runners of Go, Rust, .NET, Maven, Gradle, CTest, Swift and Dart say."""

import re
from collections.abc import Iterable

from runs.summary_rules.facts import Counts
from runs.summary_rules.reading import NAME_AND_NUMBER, NUMBER_AND_NAME, last_match, milliseconds, named_counts

_GO_TEST = re.compile(r"--- (PASS|FAIL|SKIP): \S{1,300}(?: \([\d.]{1,12}s\))?")
_GO_PACKAGE = re.compile(r"(ok|FAIL)\s+\S{1,300}\s.{0,200}")
_GO_VERBOSE = re.compile(r"=== RUN\s+\S{1,300}")
_GOTESTSUM = re.compile(r"DONE (?:\d{1,4} runs, )?(\d{1,9}) tests(, [a-z, \d]{1,100})? in ([\d.]{1,12}s)")
_CARGO = re.compile(r"test result: (?:ok|FAILED)\. (\d.{1,150}?)(?:; finished in ([\d.]{1,12}s))?")
_NEXTEST = re.compile(r"Summary \[ {0,10}([\d.]{1,12}s)\] [\d/]{1,20} tests? run: (.{1,200})")
_MAVEN = re.compile(
    r"(?:\[[A-Z]{3,10}\] {1,3})?(Tests run: \d{1,9}, Failures: \d{1,9}, Errors: \d{1,9}, Skipped: \d{1,9})"
)
_MAVEN_TIME = re.compile(r"\[INFO\] Total time: {1,3}([\d.:]{1,12} ?(?:s|min)?)(?: \(.{1,30}\))?")
_GRADLE = re.compile(r"\d{1,9} tests? completed(?:, \d{1,9} [a-z]{3,10})*")
_GRADLE_TIME = re.compile(r"BUILD (?:SUCCESSFUL|FAILED) in (.{1,20})")
_DOTNET = re.compile(
    r"(?:Passed|Failed|Skipped)! {1,3}- (Failed: {1,9}\d{1,9}, .{1,150}?)(?:, Duration: ([^-]{1,20}))?(?: - .{1,200})?"
)
_DOTNET_NEW = re.compile(r"Test summary: (total: \d{1,9}, .{1,100}?), duration: ([\d.,]{1,12}s)")
_CTEST = re.compile(r"\d{1,3}% tests passed, (\d{1,9}) tests? failed out of (\d{1,9})")
_CTEST_TIME = re.compile(r"Total Test time \(real\) = {1,8}([\d.]{1,12} sec)")
_SWIFT = re.compile(
    r"Executed (\d{1,9}) tests?, with (?:(\d{1,9}) tests? skipped and )?(\d{1,9}) failures? \(.{1,30}\)"
    r" in ([\d.]{1,12}) .{1,40}"
)
_DART = re.compile(r"(\d\d:\d\d) \+(\d{1,9})(?: ~(\d{1,9}))?(?: -(\d{1,9}))?: .{1,300}")


def read_go(lines: list[str], *, is_whole: bool) -> Counts:
    """One line a test with `-v`; without it only failures are told, and packages that are ok."""
    tests = [match[1] for line in lines if (match := _GO_TEST.fullmatch(line))]
    packages = [match[1] for line in lines if (match := _GO_PACKAGE.fullmatch(line))]
    if not tests and not packages:
        return Counts()
    failed = tests.count("FAIL") or packages.count("FAIL")
    if not is_whole or not any(_GO_VERBOSE.fullmatch(line) for line in lines):
        return Counts(None, failed if is_whole or failed else None)
    return Counts(tests.count("PASS"), failed, tests.count("SKIP"))


def read_gotestsum(lines: list[str], *, is_whole: bool) -> Counts:
    """`DONE 12 tests, 1 skipped, 2 failures in 0.5s`."""
    match = last_match(_GOTESTSUM, lines)
    if match is None:
        return Counts()
    told = named_counts(match[2] or "", NUMBER_AND_NAME)
    failed = sum(told.get(name, 0) for name in ("failure", "failures", "error", "errors"))
    return Counts(
        int(match[1]) - failed - told.get("skipped", 0), failed, told.get("skipped", 0), milliseconds(match[3])
    )


def read_cargo(lines: list[str], *, is_whole: bool) -> Counts:
    """The sum of `test result: ok. 5 passed; 0 failed; 1 ignored; …; finished in 0.02s`, one for each program."""
    matches = [match for line in lines if (match := _CARGO.fullmatch(line))]
    told = [named_counts(match[1], NUMBER_AND_NAME) for match in matches]
    return _summed(told, "passed", "failed", "ignored", (match[2] or "" for match in matches), is_whole=is_whole)


def read_nextest(lines: list[str], *, is_whole: bool) -> Counts:
    """`Summary [ 0.123s] 10 tests run: 9 passed, 1 failed, 2 skipped`."""
    match = last_match(_NEXTEST, lines)
    return (
        Counts()
        if match is None
        else _summed([named_counts(match[2], NUMBER_AND_NAME)], "passed", "failed", "skipped", [match[1]])
    )


def read_maven(lines: list[str], *, is_whole: bool) -> Counts:
    """The sum of the modules' last lines, `Tests run: 12, Failures: 1, Errors: 0, Skipped: 2`."""
    told = [named_counts(match[1], NAME_AND_NUMBER) for line in lines if (match := _MAVEN.fullmatch(line))]
    if not told or not is_whole:
        told = told[-1:]
    for each in told:
        each["failed"] = each.get("failures", 0) + each.get("errors", 0)
        each["passed"] = each.get("tests run", 0) - each["failed"] - each.get("skipped", 0)
    time = last_match(_MAVEN_TIME, lines)
    return _summed(told, "passed", "failed", "skipped", [_clock(time[1])] if time else [])


def _clock(text: str) -> str:
    """`01:03 min` as `01m 03s`."""
    minutes, colon, seconds = text.replace("min", "").strip().partition(":")
    return f"{minutes}m {seconds}s" if colon else text


def read_gradle(lines: list[str], *, is_whole: bool) -> Counts:
    """`12 tests completed, 1 failed, 2 skipped`, which Gradle says of failures only."""
    match = last_match(_GRADLE, lines)
    if match is None:
        return Counts()
    told = named_counts(match[0], NUMBER_AND_NAME)
    total = told.pop("tests", 0) + told.pop("test", 0)
    told["passed"] = max(0, total - told.get("failed", 0) - told.get("skipped", 0))
    time = last_match(_GRADLE_TIME, lines)
    return _summed([told], "passed", "failed", "skipped", [time[1]] if time else [])


def read_dotnet(lines: list[str], *, is_whole: bool) -> Counts:
    """`Passed! - Failed: 0, Passed: 12, Skipped: 1, Total: 13, Duration: 12 ms - a.dll`, one for each program."""
    new = last_match(_DOTNET_NEW, lines)
    if new is not None:
        return _summed([named_counts(new[1], NAME_AND_NUMBER)], "succeeded", "failed", "skipped", [new[2]])
    matches = [match for line in lines if (match := _DOTNET.fullmatch(line))]
    told = [named_counts(match[1], NAME_AND_NUMBER) for match in matches]
    return _summed(told, "passed", "failed", "skipped", (match[2] or "" for match in matches), is_whole=is_whole)


def read_ctest(lines: list[str], *, is_whole: bool) -> Counts:
    """`90% tests passed, 1 tests failed out of 10`."""
    match, time = last_match(_CTEST, lines), last_match(_CTEST_TIME, lines)
    if match is None:
        return Counts()
    failed, total = int(match[1]), int(match[2])
    return Counts(max(0, total - failed), failed, 0, milliseconds(time[1]) if time else None)


def read_swift(lines: list[str], *, is_whole: bool) -> Counts:
    """`Executed 5 tests, with 1 failure (0 unexpected) in 0.012 (0.015) seconds`."""
    match = last_match(_SWIFT, lines)
    if match is None:
        return Counts()
    skipped, failed = int(match[2] or 0), int(match[3])
    return Counts(max(0, int(match[1]) - failed - skipped), failed, skipped, milliseconds(match[4]))


def read_dart(lines: list[str], *, is_whole: bool) -> Counts:
    """`00:02 +5 ~1 -1: Some tests failed.`"""
    match = last_match(_DART, lines)
    if match is None:
        return Counts()
    return Counts(int(match[2]), int(match[4] or 0), int(match[3] or 0), milliseconds(_clock(match[1])))


def _summed(
    told: list[dict[str, int]], passed: str, failed: str, skipped: str, times: Iterable[str], *, is_whole: bool = True
) -> Counts:
    """The sum of what several programs said; of a part of them no number is right."""
    if not told or not is_whole:
        return Counts()
    sums = [sum(each.get(name, 0) for each in told) for name in (passed, failed, skipped)]
    took = [found for time in times if (found := milliseconds(time)) is not None]
    return Counts(sums[0], sums[1], sums[2], sum(took) if took else None)
