"""What the changelog tells of a run: its entry, made of the run, its attempt and the attempt's summary."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from docs_mgmt.generators.changelog import Entry
from runs.known_secrets import redactor_of
from runs.models import RunAttempt

MAX_FILES = 100
MAX_SUMMARY_CHARACTERS = 2_000
MAX_WHY_CHARACTERS = 300
MAX_TESTS = 20
_COUNTS = ("failed", "passed", "skipped")


def entry_of(attempt: RunAttempt, summary: Mapping[str, Any], *, at: datetime, without: frozenset[str]) -> Entry:
    """The entry of a run whose attempt is summed up so (runs.execution.summary), without known secrets.

    Files `without` which it is to be are the server's own: the changelog itself, other managed documents.
    """
    run, redact = attempt.run, redactor_of(attempt.run).text
    return Entry(
        run_id=run.pk,
        title=redact(run.title),
        date=at.replace(microsecond=at.microsecond // 1000 * 1000),
        summary=_cut(str(summary["overview"]), MAX_SUMMARY_CHARACTERS),
        why=_cut(" ".join(redact(run.prompt).split()), MAX_WHY_CHARACTERS),
        agent=run.selected_agent,
        model=run.selected_model,
        branch=redact(attempt.branch),  # it is made of the title
        files=_files(summary, without),
        tests=tuple(map(_test, summary["tests"][-MAX_TESTS:])),
        risks=tuple(f"{risk['rule']} ({risk['severity']}): {risk['message']}" for risk in summary["risks"]),
    )


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def _files(summary: Mapping[str, Any], without: frozenset[str]) -> tuple[str, ...]:
    """The first paths, and how many there are beside them."""
    paths = [file["path"] for file in summary["changedFiles"] if file["path"] not in without]
    ours = len(summary["changedFiles"]) - len(paths)
    more = summary["stats"]["files"] - ours - len(paths[:MAX_FILES])
    return (*paths[:MAX_FILES], *([f"… and {more} more"] if more > 0 else []))


def _test(test: Mapping[str, Any]) -> str:
    """`pytest -q: passed, 12 passed, 1 skipped`."""
    counts = [f"{test[name]} {name}" for name in _COUNTS if test[name]]
    return f"{' '.join(test['command'].split())[:200]}: {', '.join([test['outcome'], *counts])}"
