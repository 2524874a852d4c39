"""What RSpec, minitest, test-unit, PHPUnit, Pest and ExUnit say at their end."""

import re

from runs.summary_rules.facts import Counts
from runs.summary_rules.reading import NAME_AND_NUMBER, NUMBER_AND_NAME, last_match, milliseconds, named_counts

_RSPEC = re.compile(r"\d{1,9} examples?, \d{1,9} failures?(?:, [a-z, \d]{1,100})?")
_MINITEST = re.compile(r"\d{1,9} (?:runs|tests), \d{1,9} assertions, [a-z, \d]{1,150}")
_FINISHED = re.compile(r"Finished in ([\d.]{1,12} ?(?:s|seconds?|minutes? [\d.]{1,8} seconds?)).{0,100}")
_PHPUNIT_OK = re.compile(r"OK \((\d{1,9}) tests?, \d{1,9} assertions?\)")
_PHPUNIT = re.compile(r"Tests: \d{1,9}, Assertions: \d{1,9}[A-Za-z, :\d]{0,200}\.?")
_PHPUNIT_TIME = re.compile(r"Time: ([\d:.]{1,15}|[\d.]{1,10} [a-z]{1,10}), Memory: .{1,40}")
_PEST = re.compile(r"Tests: {1,8}((?:\d{1,9} [a-z]{2,12}(?:, )?)+)(?: \(\d{1,9} assertions?\))?")
_PEST_TIME = re.compile(r"Duration: {1,8}([\d.]{1,12}s)")
_MIX = re.compile(r"(?:\d{1,9} doctests?, )?\d{1,9} tests?, \d{1,9} failures?(?:, [a-z, \d]{1,100})?")


def read_rspec(lines: list[str], *, is_whole: bool) -> Counts:
    """`12 examples, 1 failure, 2 pending, 1 error occurred outside of examples`."""
    return _of_total(last_match(_RSPEC, lines), ("example", "examples"), lines)


def read_minitest(lines: list[str], *, is_whole: bool) -> Counts:
    """`12 runs, 20 assertions, 1 failures, 0 errors, 2 skips`."""
    return _of_total(last_match(_MINITEST, lines), ("runs", "tests"), lines)


def read_mix(lines: list[str], *, is_whole: bool) -> Counts:
    """`2 doctests, 12 tests, 1 failure, 2 skipped`."""
    return _of_total(last_match(_MIX, lines), ("doctest", "doctests", "test", "tests"), lines)


def _of_total(match: re.Match[str] | None, total: tuple[str, ...], lines: list[str]) -> Counts:
    if match is None:
        return Counts()
    told = named_counts(match[0], NUMBER_AND_NAME)
    failed = sum(told.get(name, 0) for name in ("failure", "failures", "error", "errors"))
    skipped = sum(told.get(name, 0) for name in ("pending", "pendings", "skips", "skipped", "omissions", "excluded"))
    time = last_match(_FINISHED, lines)
    passed = max(0, sum(told.get(name, 0) for name in total) - failed - skipped)
    return Counts(passed, failed, skipped, milliseconds(time[1]) if time else None)


def read_phpunit(lines: list[str], *, is_whole: bool) -> Counts:
    """`OK (12 tests, 20 assertions)`, or `Tests: 12, Assertions: 20, Failures: 1, Skipped: 2.`"""
    time = last_match(_PHPUNIT_TIME, lines)
    took = milliseconds(_clock(time[1])) if time else None
    good = last_match(_PHPUNIT_OK, lines)
    if good is not None:
        return Counts(int(good[1]), 0, 0, took)
    match = last_match(_PHPUNIT, lines)
    if match is None:
        return read_pest(lines, is_whole=is_whole)
    told = named_counts(match[0], NAME_AND_NUMBER)
    failed = told.get("failures", 0) + told.get("errors", 0)
    skipped = told.get("skipped", 0) + told.get("incomplete", 0)
    return Counts(max(0, told.get("tests", 0) - failed - skipped), failed, skipped, took)


def _clock(text: str) -> str:
    """`00:01.200` as `00m 01.200s`."""
    minutes, colon, seconds = text.rpartition(":")
    return f"{minutes.rpartition(':')[2]}m {seconds}s" if colon else text


def read_pest(lines: list[str], *, is_whole: bool) -> Counts:
    """`Tests:    1 failed, 10 passed (20 assertions)`."""
    match, time = last_match(_PEST, lines), last_match(_PEST_TIME, lines)
    if match is None:
        return Counts()
    told = named_counts(match[1], NUMBER_AND_NAME)
    skipped = sum(told.get(name, 0) for name in ("skipped", "todo", "todos", "incomplete"))
    return Counts(told.get("passed", 0), told.get("failed", 0), skipped, milliseconds(time[1]) if time else None)
