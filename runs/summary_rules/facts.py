"""What the rules look at, and what they find: values only."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["low", "medium", "high"]
Outcome = Literal["passed", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file in which the run's tree differs from its base commit.

    `kind` is one of projects.indexing.kinds, `change_type` created, updated, deleted or renamed; modes are Git's, in
    octal, None on the side where there is no file. `added` and `removed` are its changed lines, those of a large change
    in part, `added` with their numbers from 1; none of a binary file.
    """

    path: str
    kind: str = "source"
    change_type: str = "updated"
    old_path: str | None = None
    additions: int = 0
    deletions: int = 0
    is_binary: bool = False
    old_mode: str | None = "100644"
    new_mode: str | None = "100644"
    added: tuple[tuple[int, str], ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """What a test program said of its tests; None: it did not say. `failed` counts errors too."""

    passed: int | None = None
    failed: int | None = None
    skipped: int | None = None
    duration_ms: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said of tests."""
        return self.passed is None and self.failed is None


@dataclass(frozen=True, slots=True)
class RanCommand:
    """A command that has run: its id, line and exit code (None: not known), and the end of each stream that it wrote.

    `has_failed`: it ended badly, with or without a code. `is_output_whole`: nothing is missing before the ends.
    """

    id: int
    command: str
    cwd: str = ""
    exit_code: int | None = None
    has_failed: bool = False
    outputs: tuple[str, ...] = ()
    is_output_whole: bool = True


@dataclass(frozen=True, slots=True)
class RanTests:
    """Tests that a command has run, in one framework. `command` is the part of its line that ran them, in `cwd`."""

    command_id: int
    command: str
    cwd: str
    framework: str
    outcome: Outcome
    counts: Counts
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Work:
    """What a run has done. `is_asked`: the agent had to ask before it acted (safe mode).

    `more_files` were changed beside those that the rules look at.
    """

    files: tuple[ChangedFile, ...] = ()
    tests: tuple[RanTests, ...] = ()
    commands: int = 0
    failed_commands: int = 0
    is_asked: bool = True
    more_files: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule has found: where, and what, in a sentence."""

    message: str
    severity: Severity
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Risk:
    """A finding with its rule. `paths` are the first ones of `files` in all."""

    rule: str
    severity: Severity
    message: str
    paths: tuple[str, ...]
    files: int
