"""Checks an agent as this server would start it, with its limits and its sandbox, and notes the result."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from config.api.params import read
from runs.execution.attempts import sandbox_limits
from runs.execution.checking.check import check
from runs.execution.checking.findings import Finding, Findings
from runs.execution.checking.trial import Candidate
from runs.execution.profiles import profile_of
from settings_params.availability import known_providers
from settings_params.programs import installation_of
from settings_params.services.providers import note_check


def check_agent(key: str, tell: Callable[[Finding], None]) -> Findings:
    """Checks an agent that this server can run; ``tell`` is called with each finding. Its row tells the result."""
    vendors = known_providers()[key].vendors
    candidate = Candidate(
        profile=profile_of(key),
        interpreter=sys.executable,
        installation=installation_of(key),
        vendor=vendors[0] if vendors else None,
        folder=Path(settings.HOME) / "checks",
        hidden=(Path(settings.HOME),),
        limits=sandbox_limits(),
        allow_unsandboxed=read("safety.allow_unsandboxed"),
    )
    findings = asyncio.run(check(candidate, tell))
    note_check(key, findings.failure)
    return findings
