"""What test programs say at their end, read as they write it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.summary_rules.facts import Counts, RanCommand, RanTests
from runs.summary_rules.reading import MAX_BYTES, MAX_LINES, lines_of, milliseconds
from runs.summary_rules.tested import READERS, find_tests

pytestmark = pytest.mark.plumbing

SAID = [
    ("pytest", "== 1 failed, 12 passed, 2 skipped, 1 warning in 0.45s ==", (12, 1, 2, 450)),
    ("pytest", "12 passed in 75.31s (0:01:15)", (12, 0, 0, 75_310)),
    ("pytest", "FAILED a.py::b\n===== 2 errors, 3 xfailed, 1 xpassed in 1.00s =====", (1, 2, 3, 1000)),
    ("pytest", "no tests ran in 0.01s", (0, 0, 0, 10)),
    ("unittest", "Ran 12 tests in 0.123s\n\nOK (skipped=1)", (11, 0, 1, 123)),
    ("django", "Ran 5 tests in 1.5s\n\nFAILED (failures=1, errors=2, expected failures=1)", (1, 3, 1, 1500)),
    ("unittest", "Ran 0 tests in 0.000s\n\nNO TESTS RAN", (0, 0, 0, 0)),
    (
        "jest",
        (
            "Test Suites: 1 failed, 3 passed, 4 total\nTests:       1 failed, 2 skipped, 10 passed, 13 total\n"
            "Snapshots:   0 total\nTime:        1.5 s, estimated 2 s"
        ),
        (10, 1, 2, 1500),
    ),
    (
        "vitest",
        (
            " Test Files  1 failed | 2 passed (3)\n      Tests  1 failed | 10 passed | 2 skipped (13)\n"
            "   Start at  10:00:00\n   Duration  1.20s (transform 90ms, setup 0ms)"
        ),
        (10, 1, 2, 1200),
    ),
    ("mocha", "  12 passing (34ms)\n  2 pending\n  1 failing\n\n  1) adds", (12, 1, 2, 34)),
    ("node", "# tests 6\n# pass 4\n# fail 1\n# cancelled 0\n# skipped 1\n# todo 0\n# duration_ms 61.5", (4, 1, 1, 62)),
    ("node", "\u2139 tests 4\n\u2139 pass 4\n\u2139 fail 0\n\u2139 skipped 0\n\u2139 duration_ms 12", (4, 0, 0, 12)),
    ("bun", " 5 pass\n 1 skip\n 2 fail\n 9 expect() calls\nRan 8 tests across 2 files. [12.00ms]", (5, 2, 1, 12)),
    ("deno", "FAILED | 5 passed (2 steps) | 1 failed | 1 ignored (12ms)", (5, 1, 1, 12)),
    (
        "playwright",
        "  1 failed\n    1) a.spec.ts\n  1 flaky\n  2 skipped\n  3 passed (5.2s)",
        (4, 1, 2, 5200),
    ),
    ("go", "ok  \texample.com/a\t0.012s\n?   \texample.com/b\t[no test files]", (None, 0, None, None)),
    ("go", "--- FAIL: TestA (0.00s)\n    a_test.go:3: no\nFAIL\nFAIL\texample.com/a\t0.1s", (None, 1, None, None)),
    (
        "go",
        "=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestB\n--- SKIP: TestB (0.00s)\nPASS\nok  \ta\t0.1s",
        (1, 0, 1, None),
    ),
    ("gotestsum", "DONE 12 tests, 1 skipped, 2 failures in 0.512s", (9, 2, 1, 512)),
    (
        "cargo",
        (
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s\n"
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s"
        ),
        (6, 2, 1, 30),
    ),
    ("nextest", "     Summary [   0.123s] 10 tests run: 9 passed, 1 failed, 2 skipped", (9, 1, 2, 123)),
    (
        "maven",
        (
            "[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.1 s -- in a.BTest\n"
            "[ERROR] Tests run: 12, Failures: 1, Errors: 1, Skipped: 2\n[INFO] Total time:  01:03 min"
        ),
        (8, 2, 2, 63_000),
    ),
    ("gradle", "12 tests completed, 1 failed, 2 skipped\n\nBUILD FAILED in 1m 3s", (9, 1, 2, 63_000)),
    (
        "dotnet",
        (
            "Passed!  - Failed:     0, Passed:    12, Skipped:     1, Total:    13, Duration: 40 ms - A.dll (net8.0)\n"
            "Failed!  - Failed:     1, Passed:     2, Skipped:     0, Total:     3, Duration: 1 s - B.dll (net8.0)"
        ),
        (14, 1, 1, 1040),
    ),
    ("dotnet", "Test summary: total: 13, failed: 1, succeeded: 11, skipped: 1, duration: 1.2s", (11, 1, 1, 1200)),
    ("ctest", "90% tests passed, 1 tests failed out of 10\n\nTotal Test time (real) =   0.05 sec", (9, 1, 0, 50)),
    ("swift", "\t Executed 5 tests, with 1 failure (0 unexpected) in 0.012 (0.015) seconds", (4, 1, 0, 12)),
    ("flutter", "00:02 +5 ~1 -1: Some tests failed.", (5, 1, 1, 2000)),
    (
        "rspec",
        "Finished in 0.5 seconds (files took 1 s to load)\n12 examples, 1 failure, 2 pending",
        (9, 1, 2, 500),
    ),
    (
        "minitest",
        "Finished in 0.010000s, 1.0 runs/s.\n12 runs, 20 assertions, 1 failures, 1 errors, 2 skips",
        (8, 2, 2, 10),
    ),
    ("phpunit", "Time: 00:01.200, Memory: 10.00 MB\n\nOK (12 tests, 20 assertions)", (12, 0, 0, 1200)),
    ("phpunit", "FAILURES!\nTests: 12, Assertions: 20, Failures: 1, Errors: 1, Skipped: 2.", (8, 2, 2, None)),
    ("phpunit", "  Tests:    1 failed, 10 passed (20 assertions)\n  Duration: 0.20s", (10, 1, 0, 200)),
    (
        "mix",
        "Finished in 0.1 seconds (0.1s async)\n2 doctests, 12 tests, 1 failure, 2 skipped",
        (11, 1, 2, 100),
    ),
]
COMMANDS = {
    "pytest": "pytest -q",
    "unittest": "python -m unittest",
    "django": "python manage.py test",
    "node": "node --test",
    "bun": "bun test",
    "deno": "deno test",
    "playwright": "npx playwright test",
    "go": "go test ./...",
    "cargo": "cargo test",
    "nextest": "cargo nextest run",
    "maven": "mvn -q test",
    "gradle": "./gradlew test",
    "dotnet": "dotnet test",
    "swift": "swift test",
    "flutter": "flutter test",
    "minitest": "bin/rails test",
    "phpunit": "vendor/bin/phpunit",
    "mix": "mix test",
}


def run(command: str, *outputs: str, code: int | None = 0, **more: Any) -> RanTests:
    return next(find_tests(RanCommand(1, command, exit_code=code, outputs=outputs, **more)))


@pytest.mark.parametrize(("framework", "output", "wanted"), SAID)
def test_a_framework_is_read(framework: str, output: str, wanted: tuple[int | None, ...]) -> None:
    found = run(COMMANDS.get(framework, framework), output)
    assert (found.framework, found.counts) == (framework, Counts(*wanted))


@pytest.mark.parametrize(("framework", "output", "wanted"), SAID)
def test_what_a_runner_of_any_framework_ran_is_told_by_its_output(
    framework: str, output: str, wanted: tuple[int | None, ...]
) -> None:
    same = {"django": "unittest"}
    found = run("npm test", f"\n> test\n> something\n\n{output}")
    assert (found.framework, found.counts) == (same.get(framework, framework), Counts(*wanted))


def test_every_framework_is_tried() -> None:
    assert {framework for framework, _, _ in SAID} | {"pest"} == READERS.keys()


def test_colours_and_overwritten_lines_do_not_matter() -> None:
    output = "collecting...\r\x1b[32m\x1b[1m=== 12 passed\x1b[0m\x1b[32m in 0.5s\x1b[0m\x1b[32m ===\x1b[0m\r\n"
    assert run("pytest", output).counts == Counts(12, 0, 0, 500)


def test_the_last_summary_is_the_one_that_counts() -> None:
    assert run("pytest", "9 failed in 1.0s\nprinted by a test\n3 passed in 2.0s").counts == Counts(3, 0, 0, 2000)


def test_a_summary_on_the_error_stream_is_read() -> None:
    assert run("npx jest", "", "Tests:       3 passed, 3 total").counts == Counts(3, 0, 0)


def test_a_line_that_only_holds_a_summary_is_none() -> None:
    assert run("pytest", "the log says: 12 passed in 0.5s, they say").counts.is_empty


def test_the_exit_code_wins_over_a_faked_summary() -> None:
    found = run("pytest", "1 failed in 0.1s\n==== 99 passed in 0.1s ====", code=1)
    assert (found.outcome, found.counts.passed) == ("failed", 99)


@pytest.mark.parametrize(
    ("command", "code", "output", "outcome"),
    [
        ("pytest", 0, "", "passed"),
        ("pytest", 2, "", "failed"),
        ("pytest", None, "", "unknown"),
        ("pytest", None, "3 passed in 1s", "passed"),
        ("pytest", None, "1 failed, 3 passed in 1s", "failed"),
        ("cd app && pytest && echo good", 0, "", "passed"),
        ("pytest | tail -5", 0, "1 failed, 3 passed in 1s", "failed"),
        ("pytest | tail -5", 0, "3 passed in 1s", "passed"),
        ("pytest | tail -5", 0, "", "unknown"),
        ("set -o pipefail; pytest | tail -5", 0, "", "passed"),
        ("pytest || true", 0, "1 failed in 1s", "failed"),
        ("pytest; echo $?", 0, "", "unknown"),
        ("pytest 2>&1", 0, "", "passed"),
        ("bash -lc 'pytest | cat'", 0, "", "unknown"),
        ("bash -lc 'pytest'", 0, "", "passed"),
    ],
)
def test_how_tests_went(command: str, code: int | None, output: str, outcome: str) -> None:
    assert run(command, output, code=code).outcome == outcome


def test_a_command_that_failed_without_a_code_failed() -> None:
    assert run("pytest", "3 passed in 1s", code=None, has_failed=True).outcome == "failed"


def test_sums_of_a_part_are_not_told() -> None:
    output = "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s"
    assert run("cargo test", output, is_output_whole=False).counts.is_empty


def test_a_command_is_told_without_what_is_around_it() -> None:
    (found,) = find_tests(RanCommand(1, "cd web/../app && X=1 pytest -q 'a b' 2>&1 | tail -5", cwd="/w", exit_code=0))
    assert (found.command, found.cwd) == ("X=1 pytest -q 'a b'", "/w/app")


def test_two_frameworks_in_a_line_are_two() -> None:
    command = RanCommand(
        1, "pytest -q && npx jest", exit_code=0, outputs=("3 passed in 1s", "Tests: 2 passed, 2 total")
    )
    assert [(each.framework, each.counts.passed) for each in find_tests(command)] == [("pytest", 3), ("jest", 2)]


def test_only_the_end_of_an_output_is_read() -> None:
    assert run("pytest", "3 passed in 1s\n" + "x" * MAX_BYTES).counts.is_empty
    lines, is_cut = lines_of("y\n" * (MAX_LINES + 1))
    assert (len(lines), is_cut) == (MAX_LINES, True)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1.5s", 1500),
        ("1m 3s", 63_000),
        ("12 ms", 12),
        ("0.3 seconds", 300),
        ("", None),
        ("x", None),
    ],
)
def test_durations(text: str, wanted: int | None) -> None:
    assert milliseconds(text) == wanted


PIECES = st.sampled_from(
    [*"0123456789,.:;|=-()[] \t\n\r\x1b", *"abé", "passed", " failed", "Tests: ", "ok ", "Ran 1 tests"]
)


@settings(max_examples=50)
@given(st.lists(PIECES, max_size=60).map("".join))
def test_no_output_breaks_a_reader(output: str) -> None:
    lines, _ = lines_of(output)
    for reader in READERS.values():
        counts = reader(lines, is_whole=True)
        assert all(number is None or number >= 0 for number in (counts.passed, counts.failed, counts.skipped))


@pytest.mark.parametrize(
    "piece", ["1 passed, ", "1 ", "=", "(", "1 a | ", "\x1b[", "Tests: 1 a, ", "--- PASS: ", "ok \t"]
)
def test_a_line_without_end_takes_no_long_time(piece: str) -> None:
    for output in (piece * 20_000, f"{piece}\n" * 5_000):
        lines, _ = lines_of(output)
        for reader in READERS.values():
            reader(lines, is_whole=True)
