"""Puts the summary of an attempt together: what the rules say of its files and commands, and the agent's last words."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.utils import timezone

from config.api.times import format_time
from runs.execution.summary_facts import last_words, read_files, read_tests
from runs.known_secrets import redactor_of
from runs.models import CommandExecution, RunAttempt
from runs.summary_rules.facts import ChangedFile, RanTests, Risk, Work
from runs.summary_rules.overview import overview_of
from runs.summary_rules.risks import assess

MAX_FILES = 1_000
"""Of more changed files the first ones are told; the sums are of all."""
MAX_JUDGED_FILES = 20_000
"""Rules look at so many, which takes them about two seconds; that there are more is told."""


def summarize(attempt: RunAttempt, outcome: str) -> dict[str, Any]:
    """What came of the attempt as its files and commands are recorded now, as JSON, without known secrets."""
    work = _work(attempt)
    summary = {
        "outcome": outcome,
        "overview": overview_of(last_words(attempt), work, outcome),
        "stats": _sums(work.files),
        "kinds": _kinds(work.files),
        "changedFiles": [_file(file) for file in work.files[:MAX_FILES]],
        "risks": [_risk(risk) for risk in assess(_judged(work))],
        "tests": [_test(test) for test in work.tests],
        "docs": [file.path for file in work.files if file.kind == "docs"][:MAX_FILES],
        "commands": {"total": work.commands, "failed": work.failed_commands},
        "usage": _usage(attempt),
        "generatedAt": format_time(timezone.now()),
    }
    redacted: dict[str, Any] = redactor_of(attempt.run).value(summary)
    return redacted


def _work(attempt: RunAttempt) -> Work:
    commands = attempt.run.commands.filter(attempt=attempt.number)
    failed = commands.filter(exit_code__isnull=False).exclude(exit_code=0).count()
    failed += commands.filter(exit_code=None, status=CommandExecution.Status.FAILED).count()
    return Work(
        files=read_files(attempt),
        tests=read_tests(commands),
        commands=commands.count(),
        failed_commands=failed,
        is_asked=attempt.run.safe_mode,
    )


def _judged(work: Work) -> Work:
    """What of the work the rules look at."""
    return replace(work, files=work.files[:MAX_JUDGED_FILES], more_files=max(0, len(work.files) - MAX_JUDGED_FILES))


def _sums(files: Sequence[ChangedFile]) -> dict[str, int]:
    added, deleted = sum(file.additions for file in files), sum(file.deletions for file in files)
    return {"files": len(files), "additions": added, "deletions": deleted}


def _kinds(files: Sequence[ChangedFile]) -> list[dict[str, Any]]:
    """The sums of each kind, that with the most files first."""
    told = [{"kind": kind, **_sums(_of_kind(files, kind))} for kind in sorted({file.kind for file in files})]
    return sorted(told, key=lambda each: -each["files"])


def _of_kind(files: Iterable[ChangedFile], kind: str) -> list[ChangedFile]:
    return [file for file in files if file.kind == kind]


def _file(file: ChangedFile) -> dict[str, Any]:
    return {
        "path": file.path,
        "oldPath": file.old_path,
        "kind": file.kind,
        "changeType": file.change_type,
        "additions": file.additions,
        "deletions": file.deletions,
        "binary": file.is_binary,
    }


def _risk(risk: Risk) -> dict[str, Any]:
    return {
        "rule": risk.rule,
        "severity": risk.severity,
        "message": risk.message,
        "paths": list(risk.paths),
        "files": risk.files,
    }


def _test(test: RanTests) -> dict[str, Any]:
    return {
        "commandId": test.command_id,
        "command": test.command,
        "cwd": test.cwd,
        "framework": test.framework,
        "outcome": test.outcome,
        "passed": test.counts.passed,
        "failed": test.counts.failed,
        "skipped": test.counts.skipped,
        "durationMs": test.counts.duration_ms,
        "exitCode": test.exit_code,
    }


def _usage(attempt: RunAttempt) -> dict[str, Any]:
    """Tokens and cost of the attempt."""
    return {
        "inputTokens": attempt.input_tokens,
        "outputTokens": attempt.output_tokens,
        "cachedTokens": attempt.cached_tokens,
        "costUsd": float(attempt.cost_usd),
    }
