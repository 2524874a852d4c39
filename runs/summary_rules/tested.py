"""Which tests the commands of a run have run, and how that went."""

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from runs.summary_rules import compiled_outputs, javascript_outputs, python_outputs, web_outputs
from runs.summary_rules.facts import Counts, Outcome, RanCommand, RanTests
from runs.summary_rules.frameworks import framework_of
from runs.summary_rules.reading import lines_of
from runs.summary_rules.runners import GENERIC
from runs.summary_rules.shell_lines import MAX_CHARACTERS, SimpleCommand, simple_commands

MAX_OF_A_COMMAND = 5
MAX_SHOWN_CHARACTERS = 500
_HINTS = re.compile(
    r"test|spec|unit|jest|mocha|tox|nox|pest|trial|check|verify|install|package|e2e|\bt\b", re.IGNORECASE
)


class Reader(Protocol):
    """Reads what one framework says of its tests; empty counts where it says nothing."""

    def __call__(self, lines: list[str], *, is_whole: bool) -> Counts: ...


READERS: Mapping[str, Reader] = {
    "pytest": python_outputs.read_pytest,
    "unittest": python_outputs.read_unittest,
    "django": python_outputs.read_unittest,
    "jest": javascript_outputs.read_jest,
    "vitest": javascript_outputs.read_vitest,
    "mocha": javascript_outputs.read_mocha,
    "node": javascript_outputs.read_node,
    "bun": javascript_outputs.read_bun,
    "deno": javascript_outputs.read_deno,
    "playwright": javascript_outputs.read_playwright,
    "go": compiled_outputs.read_go,
    "gotestsum": compiled_outputs.read_gotestsum,
    "cargo": compiled_outputs.read_cargo,
    "nextest": compiled_outputs.read_nextest,
    "maven": compiled_outputs.read_maven,
    "gradle": compiled_outputs.read_gradle,
    "dotnet": compiled_outputs.read_dotnet,
    "ctest": compiled_outputs.read_ctest,
    "swift": compiled_outputs.read_swift,
    "flutter": compiled_outputs.read_dart,
    "rspec": web_outputs.read_rspec,
    "minitest": web_outputs.read_minitest,
    "phpunit": web_outputs.read_phpunit,
    "pest": web_outputs.read_pest,
    "mix": web_outputs.read_mix,
}
"""By framework, those first whose words nobody else uses: of a runner of any framework the first that reads counts."""


def may_run_tests(line: str) -> bool:
    """Whether a command line has a word that no line which runs tests lacks. Much cheaper than to look closely."""
    return _HINTS.search(line[:MAX_CHARACTERS]) is not None


def find_tests(command: RanCommand) -> Iterator[RanTests]:
    """The tests that a command has run, one for each framework in it: of several the last."""
    found: dict[str, SimpleCommand] = {}
    for simple in simple_commands(command.command):
        framework = framework_of(simple.words)
        if framework is not None:
            has_say = simple.has_the_say and (framework not in found or found[framework].has_the_say)
            found[framework] = replace(simple, has_the_say=has_say)
    for framework, simple in list(found.items())[:MAX_OF_A_COMMAND]:
        yield _ran_tests(command, framework, simple)


def _ran_tests(command: RanCommand, framework: str, simple: SimpleCommand) -> RanTests:
    ends = [lines_of(output) for output in command.outputs]
    lines = [line for read, _ in ends for line in read]
    is_whole = command.is_output_whole and not any(is_cut for _, is_cut in ends)
    named, counts = _read(framework, lines, is_whole=is_whole)
    return RanTests(
        command_id=command.id,
        command=shlex.join(simple.words)[:MAX_SHOWN_CHARACTERS],
        cwd=posixpath.normpath(posixpath.join(command.cwd, simple.folder)) if simple.folder else command.cwd,
        framework=named,
        outcome=_outcome(command, counts, has_say=simple.has_the_say),
        counts=counts,
        exit_code=command.exit_code,
    )


def _read(framework: str, lines: list[str], *, is_whole: bool) -> tuple[str, Counts]:
    if framework not in GENERIC:
        return framework, READERS[framework](lines, is_whole=is_whole)
    for name, reader in READERS.items():
        counts = reader(lines, is_whole=is_whole)
        if not counts.is_empty:
            return name, counts
    return framework, Counts()


def _outcome(command: RanCommand, counts: Counts, *, has_say: bool) -> Outcome:
    """The exit code wins; what the output says counts only where there is no code, or a 0 is another program's."""
    if command.exit_code or command.has_failed:
        return "failed"
    if command.exit_code == 0 and has_say:
        return "passed"
    if counts.failed:
        return "failed"
    return "passed" if counts.passed else "unknown"
