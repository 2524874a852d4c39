"""The check of an agent: what passes it, and what does not."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from runs.execution.agents.profile import AgentProfile, Setting
from runs.execution.agents.registry import PROFILES
from runs.execution.checking.check import check
from runs.execution.checking.findings import Finding, Findings
from runs.execution.checking.trial import Candidate
from runs.execution.sandbox.spec import Limits

pytestmark = pytest.mark.plumbing
SCRIPT = PROFILES["script"]
MODELLED = Path(__file__).with_name("modelled_agent.py")


async def checked(profile: AgentProfile, folder: Path, vendor: str | None = None) -> Findings:
    told: list[Finding] = []
    place = folder / "checks"
    candidate = Candidate(profile, sys.executable, None, vendor, place, (), Limits(), allow_unsandboxed=False)
    findings = await check(candidate, told.append)
    assert told == findings.found
    assert not list((folder / "checks").iterdir())
    return findings


def outcomes(findings: Findings) -> dict[str, str]:
    return {found.step: found.outcome for found in findings.found}


async def test_the_built_in_agent_passes(tmp_path: Path) -> None:
    findings = await checked(SCRIPT, tmp_path)
    assert (findings.failure, set(outcomes(findings).values()), len(findings.found)) == ("", {"ok"}, 13)


async def test_an_agent_that_does_not_ask_in_safe_mode_does_not_pass(tmp_path: Path) -> None:
    findings = await checked(replace(SCRIPT, safe_mode="auto"), tmp_path)
    failed = [step for step, outcome in outcomes(findings).items() if outcome == "failed"]
    assert failed == ["file refused", "command refused", "tree unchanged"]
    assert "did not ask" in findings.failure


async def test_an_agent_that_asks_for_everything_passes_what_is_allowed(tmp_path: Path) -> None:
    assert (await checked(replace(SCRIPT, free_mode="ask"), tmp_path)).failure == ""


async def test_what_is_no_agent_fails_at_the_handshake_with_its_last_words(tmp_path: Path) -> None:
    def command(_: Setting) -> tuple[str, ...]:
        return ("/bin/sh", "-c", "echo no node here >&2; exit 1")

    findings = await checked(replace(SCRIPT, command=command), tmp_path)
    found = outcomes(findings)
    assert (found.pop("sandbox"), found.pop("handshake"), found.pop("safe mode")) == ("ok", "failed", "failed")
    assert set(found.values()) == {"not tried"}
    assert "no node here" in findings.failure


async def test_a_mode_that_the_agent_has_not_is_told(tmp_path: Path) -> None:
    findings = await checked(replace(SCRIPT, free_mode="wild"), tmp_path)
    assert findings.failure.startswith("session: The agent offers no session mode 'wild'")


async def test_an_agent_that_goes_on_after_a_cancel_is_told_of(tmp_path: Path) -> None:
    agent = tmp_path / "deaf"
    agent.mkdir()
    (agent / "deaf.py").write_text(DEAF)

    def command(setting: Setting) -> tuple[str, ...]:
        return (setting.interpreter, "-I", str(agent / "deaf.py"), *SCRIPT.command(setting))

    def read_only(setting: Setting) -> tuple[Path, ...]:
        return (*SCRIPT.read_only(setting), agent)

    findings = await checked(replace(SCRIPT, command=command, read_only=read_only), tmp_path)
    (cancel,) = [found for found in findings.found if found.step == "cancel"]
    assert (cancel.outcome, cancel.remark.split(":")[0]) == ("ok", "the agent does not obey")


def modelled(base: str = "/openai/v1") -> AgentProfile:
    """An agent that has a model."""

    def command(setting: Setting) -> tuple[str, ...]:
        assert setting.access is not None
        access = [setting.access.base_url + base, setting.access.token, setting.access.model]
        return (setting.interpreter, "-I", str(MODELLED), *access, *(["ask"] if setting.is_safe else []))

    def read_only(setting: Setting) -> tuple[Path, ...]:
        return (*SCRIPT.read_only(setting), MODELLED)

    return replace(SCRIPT, command=command, read_only=read_only, safe_mode=None, free_mode=None)


async def test_an_agent_with_a_model_passes_and_its_tokens_are_counted(tmp_path: Path) -> None:
    findings = await checked(modelled(), tmp_path, "openai")
    assert findings.failure == ""
    (tokens,) = [found for found in findings.found if found.step == "tokens"]
    assert tokens.remark == "4 calls, 4000 in, 200 out"


async def test_an_agent_that_does_not_find_its_model_does_not_pass(tmp_path: Path) -> None:
    findings = await checked(modelled("/nowhere"), tmp_path, "openai")
    assert findings.failure.startswith("file: ")


# Hands everything on to the agent but for cancels.
DEAF = """
import subprocess, sys
agent = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
for line in sys.stdin.buffer:
    if b"session/cancel" not in line:
        agent.stdin.write(line)
        agent.stdin.flush()
"""
