"""One start of a checked agent, just as for a run: its files, sandbox, way to the model; nothing is recorded."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

from runs.execution.agents.client import AgentSession
from runs.execution.agents.errors import AgentFailed, AgentGone
from runs.execution.agents.home_files import write_files
from runs.execution.agents.permission import PermissionRequest
from runs.execution.agents.profile import AgentProfile, ModelAccess, Setting
from runs.execution.agents.updates import AgentUpdate
from runs.execution.checking.findings import StepFailed
from runs.execution.checking.place import Place
from runs.execution.sandbox.errors import SandboxError
from runs.execution.sandbox.process import start
from runs.execution.sandbox.running import SandboxedProcess
from runs.execution.sandbox.spec import NOBODY, Bridge, Limits, SandboxSpec, minimal_environment
from runs.execution.sandbox.support import probe
from runs.execution.sandbox.tree import GONE

Update = TypeVar("Update", bound=AgentUpdate)
LAST_WORDS = 1000


@dataclass(frozen=True, slots=True)
class Candidate:
    """The agent to check, and how this server would start it.

    ``installation`` as in Setting. ``vendor`` is whose API it uses, None for one that needs no model. ``folder`` is
    where its place is made, ``hidden`` as in SandboxSpec.
    """

    profile: AgentProfile
    interpreter: str
    installation: Path | None
    vendor: str | None
    folder: Path
    hidden: tuple[Path, ...]
    limits: Limits
    allow_unsandboxed: bool

    def setting(self, place: Place, access: ModelAccess | None, *, is_safe: bool) -> Setting:
        """For one start of it."""
        return Setting(self.interpreter, self.installation, place.home, place.work_tree, is_safe, access)


@dataclass(slots=True)
class Trial:
    """A started agent, and what it told and asked. Every question is answered at once, by an option's kind."""

    process: SandboxedProcess
    answer_kinds: tuple[str, ...]
    updates: list[AgentUpdate] = field(default_factory=list)
    requests: list[PermissionRequest] = field(default_factory=list)
    opened: AgentSession | None = None

    @property
    def session(self) -> AgentSession:
        if self.opened is None:
            raise RuntimeError("a trial has a session from its beginning")
        return self.opened

    def of(self, kind: type[Update]) -> list[Update]:
        """What it told of that kind."""
        return [update for update in self.updates if isinstance(update, kind)]

    async def prompt(self, text: str, seconds: float) -> str:
        """One turn; how it ended: a stop reason, or what the agent says went wrong. StepFailed when it has no end."""
        try:
            async with asyncio.timeout(seconds):
                return (await self.session.prompt(text)).stop_reason
        except TimeoutError:
            raise StepFailed(f"The turn had no end within {seconds:g} seconds.{self.last_words()}") from None
        except AgentGone as failure:
            raise StepFailed(failure.reason) from failure
        except AgentFailed as failure:
            return failure.reason

    def is_running(self, words: tuple[str, ...]) -> bool:
        """Whether a process of the sandbox was started by exactly these words."""
        return any(_words(process) == list(words) for process in self.process.members())

    def last_words(self) -> str:
        """The end of what the agent wrote to stderr, as a sentence; empty when it was silent."""
        text = self.session.stderr_text.strip()
        return f" Its last words: {text[-LAST_WORDS:]}" if text else ""

    async def answer(self, request: PermissionRequest) -> str | None:
        """For AgentSession; None where the agent offers no such option."""
        self.requests.append(request)
        offered = {option.kind: option.option_id for option in reversed(request.options)}
        return next((offered[kind] for kind in self.answer_kinds if kind in offered), None)


@asynccontextmanager
async def started(
    candidate: Candidate, place: Place, access: ModelAccess | None, bridges: tuple[Bridge, ...], *, is_safe: bool
) -> AsyncIterator[Trial]:
    """The agent in its sandbox, not yet spoken to. In safe mode all that it asks for is refused, else allowed."""
    setting = candidate.setting(place, access, is_safe=is_safe)
    owner = (NOBODY, NOBODY) if os.geteuid() == 0 else None
    with _sandbox_failures():
        write_files(place.home, candidate.profile.files(setting), owner)
        spec = _spec(candidate, setting, bridges)
        process = await start(spec, await asyncio.to_thread(probe), allow_unsandboxed=candidate.allow_unsandboxed)
    async with process:
        trial = Trial(process, ("reject_once", "reject_always") if is_safe else ("allow_once", "allow_always"))
        trial.opened = _session(candidate.profile, setting, process, trial)
        try:
            yield trial
        finally:
            await process.kill()
            await trial.session.close()


def _spec(candidate: Candidate, setting: Setting, bridges: tuple[Bridge, ...]) -> SandboxSpec:
    profile = candidate.profile
    return SandboxSpec(
        work_tree=setting.work_tree,
        home=setting.home,
        command=profile.command(setting),
        environment={**minimal_environment(setting.home), **profile.environment(setting)},
        read_only=profile.read_only(setting),
        hidden=candidate.hidden,
        bridges=bridges,
        limits=candidate.limits,
    )


def _session(profile: AgentProfile, setting: Setting, process: SandboxedProcess, trial: Trial) -> AgentSession:
    return AgentSession(
        process.stdin,
        process.stdout,
        on_update=trial.updates.append,
        on_permission=trial.answer,
        stderr=process.stderr,
        dialect=profile.dialect,
        session_meta=profile.session_meta(setting),
        initialize_timeout_seconds=profile.initialize_timeout_seconds,
        session_timeout_seconds=profile.session_timeout_seconds,
    )


@contextmanager
def _sandbox_failures() -> Iterator[None]:
    try:
        yield
    except SandboxError as error:
        raise StepFailed(str(error)) from error
    except FileNotFoundError as error:
        raise StepFailed(f"{error.filename} is missing.") from error


def _words(process: psutil.Process) -> list[str]:
    with suppress(*GONE):
        return process.cmdline()
    return []
