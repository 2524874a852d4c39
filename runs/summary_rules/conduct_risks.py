"""Risks that lie in how the work was done: tests that fail or were not run, failed commands, leave not asked for."""

from runs.summary_rules.facts import Finding, RanTests, Work


def find_failed_tests(work: Work) -> Finding | None:
    """Test commands that failed, and neither they nor one that runs more than they do have passed after that."""
    failed = [
        test
        for at, test in enumerate(work.tests)
        if test.outcome == "failed" and not any(_covers(later, test) for later in work.tests[at + 1 :])
    ]
    if not failed:
        return None
    told = "; ".join(f"`{test.command[:80]}`{_counted(test)}" for test in failed[:3])
    more = f", and {len(failed) - 3} more" if len(failed) > 3 else ""
    return Finding(f"Tests failed when they ran last: {told}{more}.", "high")


def _covers(later: RanTests, earlier: RanTests) -> bool:
    """Whether a later run says more of the same tests: it names no file or test that the earlier one did not name."""
    is_same_place = (later.framework, later.cwd) == (earlier.framework, earlier.cwd)
    is_known = later.outcome != "unknown"
    return is_same_place and is_known and _operands(later.command) <= _operands(earlier.command)


def _operands(command: str) -> set[str]:
    return {word for word in command.split() if not word.startswith("-")}


def _counted(test: RanTests) -> str:
    if test.counts.failed:
        return f" ({test.counts.failed} failed)"
    return f" (exit code {test.exit_code})" if test.exit_code else ""


def find_untested(work: Work) -> Finding | None:
    """Code was changed and no tests were run."""
    changed = any(file.kind in ("source", "migration") for file in work.files)
    return Finding("Code was changed, and no tests were run.", "medium") if changed and not work.tests else None


def find_failed_commands(work: Work) -> Finding | None:
    """Commands that ended with an error; agents try things, so it weighs little."""
    if not work.failed_commands:
        return None
    return Finding(f"{work.failed_commands} of {work.commands} commands ended with an error.", "low")


def find_unasked(work: Work) -> Finding | None:
    """The agent did not have to ask before it acted."""
    return None if work.is_asked else Finding("The agent worked without asking (safe mode off).", "low")
