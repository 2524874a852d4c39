"""What came of a run in a few sentences: the agent's own last words, else what was seen to happen."""

from collections import Counter

from runs.summary_rules.facts import RanTests, Work

MAX_CHARACTERS = 4_000


def overview_of(last_words: str, work: Work, outcome: str) -> str:
    """The last words, cut at MAX_CHARACTERS, or a text that is derived from the work."""
    words = last_words.strip()
    if not words:
        return _derived(work, outcome)
    return words if len(words) <= MAX_CHARACTERS else f"{words[: MAX_CHARACTERS - 1].rstrip()}…"


def _derived(work: Work, outcome: str) -> str:
    told = [f"The agent left no words; the run is {outcome}.", _files(work), _commands(work)]
    return " ".join(filter(None, [*told, *map(_test, work.tests[-3:])]))


def _files(work: Work) -> str:
    if not work.files:
        return "No file was changed."
    kinds = Counter(file.kind for file in work.files)
    by_kind = ", ".join(
        f"{number} {kind}" for kind, number in sorted(kinds.items(), key=lambda each: (-each[1], each[0]))
    )
    added, deleted = (sum(getattr(file, name) for file in work.files) for name in ("additions", "deletions"))
    number = "1 file was" if len(work.files) == 1 else f"{len(work.files)} files were"
    return f"{number} changed ({by_kind}), {added} lines added, {deleted} deleted."


def _commands(work: Work) -> str:
    if not work.commands:
        return ""
    number = "1 command was" if work.commands == 1 else f"{work.commands} commands were"
    return f"{number} run, {work.failed_commands} of them with an error."


def _test(test: RanTests) -> str:
    """`Tests (pytest): passed, 12 passed, 1 skipped.`"""
    return f"Tests ({test.framework}): {test_result(test)}."


def test_result(test: RanTests) -> str:
    """`failed: 1 failed, 12 passed`, as far as it is known."""
    counts = test.counts
    told = [f"{number} {name}" for name, number in _named(test) if number]
    took = f" in {counts.duration_ms / 1000:.1f} s" if counts.duration_ms is not None else ""
    return f"{test.outcome}{': ' if told else ''}{', '.join(told)}{took if told else ''}"


def _named(test: RanTests) -> tuple[tuple[str, int | None], ...]:
    counts = test.counts
    return (("failed", counts.failed), ("passed", counts.passed), ("skipped", counts.skipped))
