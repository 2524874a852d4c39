"""One turn of an agent: started in its sandbox, spoken to, watched, recorded, and ended for certain."""

import asyncio
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from asgiref.sync import sync_to_async

from config.api.params import read
from projects.leases import Lease
from projects.workspaces import open_work_tree
from runs.execution.agents.client import AgentSession, PromptOutcome
from runs.execution.agents.errors import AgentFailed
from runs.execution.agents.profile import AgentProfile
from runs.execution.agents.registry import PROFILES
from runs.execution.attempts import sandbox_spec
from runs.execution.errors import RunCannotGoOn, RunInterrupted
from runs.execution.questions import Questions
from runs.execution.recorder import Recorder
from runs.execution.sandbox.errors import SandboxError
from runs.execution.sandbox.process import start
from runs.execution.sandbox.running import SandboxedProcess
from runs.execution.sandbox.support import probe
from runs.execution.sandbox.watchdog import watch
from runs.execution.watch import watch_run
from runs.models import Run, RunAttempt
from runs.services.recording import record_present_files

FILES_EVERY_SECONDS = 1.0


class Turn:
    """One prompt given to the agent of one attempt."""

    def __init__(self, run: Run, attempt: RunAttempt, lease: Lease) -> None:
        self._run, self._attempt, self._lease = run, attempt, lease
        self._files_changed = asyncio.Event()
        self._profile: AgentProfile = PROFILES[run.selected_agent]
        self._spec = sandbox_spec(attempt, self._profile, sys.executable)
        self._recorder = Recorder(run, lease, self._spec.home, self._files_changed.set)
        self._questions = Questions(run, lease, self._recorder)

    async def carry_out(self) -> PromptOutcome:
        """Runs the turn to its end; nothing of the agent is left when this returns or raises."""
        allow_unsandboxed = await sync_to_async(read)("safety.allow_unsandboxed")
        try:
            process = await start(self._spec, await asyncio.to_thread(probe), allow_unsandboxed=allow_unsandboxed)
        except SandboxError as error:
            raise RunCannotGoOn("sandbox-unavailable", str(error)) from error
        async with process:
            try:
                return await self._attend(process)
            finally:
                await process.kill()
                await self._recorder.finish()

    async def _attend(self, process: SandboxedProcess) -> PromptOutcome:
        session = AgentSession(
            process.stdin,
            process.stdout,
            on_update=self._recorder.take,
            on_permission=self._questions.ask,
            stderr=process.stderr,
            initialize_timeout_seconds=self._profile.initialize_timeout_seconds,
            session_timeout_seconds=self._profile.session_timeout_seconds,
        )
        guards = [self._recorder.run(), watch_run(self._run, self._lease), self._keep_limits(process)]
        guards.append(self._follow_files(process))
        try:
            return await first_of(self._speak(session), guards)
        except RunInterrupted as interruption:
            if interruption.reason != "lost":
                await self._wind_up(session, process)
            raise
        except AgentFailed as failure:
            raise RunCannotGoOn("agent-failed", failure.reason) from failure
        finally:
            await session.close()

    async def _speak(self, session: AgentSession) -> PromptOutcome:
        identity = await session.initialize()
        cwd, mode = str(self._spec.work_tree), self._profile.mode(is_safe=self._run.safe_mode)
        if self._attempt.session_id and identity.can_load_session:
            await session.load_session(self._attempt.session_id, cwd, mode)
        else:
            self._attempt.session_id = await session.new_session(cwd, mode)
            await sync_to_async(self._attempt.save)(update_fields=["session_id"])
        return await session.prompt(self._run.prompt, turn=f"{self._run.pk}-{self._attempt.number}-1")

    async def _wind_up(self, session: AgentSession, process: SandboxedProcess) -> None:
        """Asks the agent to end by itself, for a moment; its process is killed after that in any case."""
        with suppress(AgentFailed, RuntimeError):
            await session.cancel()
        await process.has_exited_within(0.1)

    async def _keep_limits(self, process: SandboxedProcess) -> None:
        excess = await watch(process, self._spec)
        if excess is not None:
            raise RunCannotGoOn(f"{excess.kind}-limit", str(excess))
        await asyncio.Event().wait()  # the agent has ended: its session says so

    async def _follow_files(self, process: SandboxedProcess) -> None:
        """Records changed files soon after the agent has changed some, while its processes stand still."""
        while True:
            await asyncio.sleep(FILES_EVERY_SECONDS)
            await self._files_changed.wait()
            self._files_changed.clear()
            await process.suspend()
            try:
                await sync_to_async(record_present_files)(self._attempt, self._lease, open_work_tree(self._workspace))
            finally:
                await process.resume()

    @property
    def _workspace(self) -> Any:
        return self._attempt.workspace


async def first_of(main: Coroutine[Any, Any, PromptOutcome], guards: list[Coroutine[Any, Any, None]]) -> PromptOutcome:
    """The result of `main`, unless a guard raises first; whatever is still under way then is cancelled and awaited."""
    work = asyncio.ensure_future(main)
    tasks = [asyncio.ensure_future(guard) for guard in guards]
    try:
        done, _ = await asyncio.wait({work, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {work}:
            task.result()
        return await work
    finally:
        for task in (work, *tasks):
            task.cancel()
        await asyncio.gather(work, *tasks, return_exceptions=True)
