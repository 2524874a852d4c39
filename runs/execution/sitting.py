"""One sitting of an agent: started in its sandbox, spoken to, watched, held, recorded, and ended for certain."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from config.api.params import read
from projects.git.errors import GitError
from projects.leases import Lease
from projects.workspaces import open_work_tree
from runs.events import Draft
from runs.execution.agents.client import AgentSession, PromptOutcome
from runs.execution.agents.errors import AgentFailed
from runs.execution.agents.profile import AgentProfile
from runs.execution.agents.updates import AgentUpdate
from runs.execution.attachments import files_of, lay_out
from runs.execution.attempts import agent_setting, agent_spec, remove_login, write_agent_files
from runs.execution.brake import Brake
from runs.execution.context import Shown, retrieve
from runs.execution.errors import RunCannotGoOn, RunInterrupted
from runs.execution.logins import login_of
from runs.execution.mcp_servers import servers_of
from runs.execution.metering import RunMeter
from runs.execution.model_access import opened, road_of
from runs.execution.patience import patiently, written
from runs.execution.profiles import profile_of
from runs.execution.prompts import Prompt, begin, finish, forget_session, keep_session, next_prompt
from runs.execution.questions import Questions
from runs.execution.recap import worded
from runs.execution.recorder import Recorder
from runs.execution.sandbox.errors import SandboxError
from runs.execution.sandbox.process import start
from runs.execution.sandbox.running import SandboxedProcess
from runs.execution.sandbox.spec import Bridge
from runs.execution.sandbox.support import SandboxSupport, probe
from runs.execution.sandbox.watchdog import LimitExceeded, watch
from runs.execution.search_tool import with_search
from runs.execution.tree_hold import TreeHold
from runs.execution.tree_watch import watch_tree
from runs.execution.watch import watch_run
from runs.execution.way_out import WayOut, open_way_out
from runs.known_secrets import lent, redactor_of
from runs.models import Run, RunAttempt
from runs.services.recording import record_present_files
from snapshots.services.taking import take_checkpoint

FILES_EVERY_SECONDS = 0.5
LAST_WORDS_CHARACTERS = 8_000
LOST_NOTE = "The agent could not open its former session: it is started anew, and told what has happened so far."
RECAP_NOTE = "The agent has no memory of the run, and was told what had happened so far."
WIND_UP_SECONDS = 1.0
MEBIBYTE = 1024 * 1024
STILL_PART = 8
"""A look at the files holds the agent still; so many times longer it is left alone then."""


class Sitting:
    """The agent of one attempt is given what waits for it, one prompt after another, by one process of it.

    `shown` goes after the run's own prompt; what goes after messages is looked for when they are given.
    """

    def __init__(self, run: Run, attempt: RunAttempt, lease: Lease, tree: TreeHold, shown: Shown) -> None:
        self._run, self._attempt, self._lease, self._tree = run, attempt, lease, tree
        self._shown = shown
        self._files_changed = asyncio.Event()
        self._told = ""
        self._excess: LimitExceeded | None = None
        self._profile: AgentProfile = profile_of(run.selected_agent)
        self._login = login_of(run)
        self._road = None if self._login else road_of(run, probe())
        access = self._road.access if self._road else None
        self._setting = agent_setting(attempt, access=access, login=self._login)
        spec = agent_spec(attempt, self._profile, self._setting)
        self._mcp_servers, self._spec = with_search(servers_of(run.project), spec, attempt, self._profile)
        self._way_out = WayOut()
        self._lent = {"the run's model token": self._road.access.token} if self._road else {}
        self._lent |= self._mcp_servers.secrets
        with lent(run.pk, self._lent):
            self._redactor = redactor_of(run)
        self._recorder = Recorder(run, lease, self._spec.home, self._files_changed.set, redactor=self._redactor)
        self._meter = RunMeter(run, attempt, lease, self._recorder)
        self._questions = Questions(run, lease, self._recorder)

    async def carry_out(self) -> None:
        """Goes on until nothing waits for the agent; nothing of it is left when this returns or raises."""
        with lent(self._run.pk, self._lent):
            await self._carry_out_connected()

    async def _carry_out_connected(self) -> None:
        """With the network and the model that the agent may have."""
        allow_unsandboxed = await patiently(read, "safety.allow_unsandboxed")
        support = await asyncio.to_thread(probe)
        hosts, note = (self._login.hosts, self._login.note) if self._login else ((), "")
        way_out_opened = open_way_out(support, self._recorder.add, also=hosts)
        async with way_out_opened as way_out, self._model_gateway() as bridges:
            for text in filter(None, (way_out.note, note)):
                self._recorder.add(Draft("log", text, "warning"))
            self._way_out, self._spec = way_out, way_out.given_to(replace(self._spec, bridges=bridges))
            try:
                await asyncio.to_thread(write_agent_files, self._profile, self._setting)
                await self._carry_out(support, allow_unsandboxed=allow_unsandboxed)
            finally:
                await patiently(remove_login, self._attempt)

    @asynccontextmanager
    async def _model_gateway(self) -> AsyncIterator[tuple[Bridge, ...]]:
        """There while the body runs, with the bridge to it; none where the agent has no model."""
        if self._road is None:
            yield ()
            return
        await patiently(self._meter.require_leave)
        try:
            async with opened(self._road, self._run, self._lease, self._meter) as bridge:
                yield (bridge,)
        finally:
            await self._meter.finish()

    async def _carry_out(self, support: SandboxSupport, *, allow_unsandboxed: bool) -> None:
        try:
            process = await start(self._spec, support, allow_unsandboxed=allow_unsandboxed)
        except SandboxError as error:
            raise RunCannotGoOn("sandbox-unavailable", str(error)) from error
        async with process:
            try:
                await self._attend(process)
            finally:
                await process.kill()
                await self._recorder.close()

    async def _attend(self, process: SandboxedProcess) -> None:
        brake = Brake(process, self._tree)
        session = AgentSession(
            process.stdin,
            process.stdout,
            on_update=self._take,
            on_permission=self._questions.ask,
            stderr=process.stderr,
            dialect=self._profile.dialect,
            session_meta=self._profile.session_meta(self._setting),
            initialize_timeout_seconds=self._profile.initialize_timeout_seconds,
            session_timeout_seconds=self._profile.session_timeout_seconds,
            limit_bytes=await patiently(read, "runs.agent_output_mb") * MEBIBYTE,
        )
        guards = [self._recorder.run(), watch_run(self._lease, brake), self._keep_limits(process)]
        guards += [self._watch_files(), self._follow_files(brake), self._meter.run()]
        guards.append(self._questions.follow(process, brake))
        try:
            await self._speak_within_limits(session, brake, guards)
        except RunInterrupted as interruption:
            if interruption.reason != "lost":
                await self._wind_up(session, process)
            raise
        except AgentFailed as failure:
            self._tell_last_words(session)
            raise RunCannotGoOn("agent-failed", failure.reason) from failure
        except RunCannotGoOn:
            self._tell_last_words(session)
            raise
        finally:
            await session.close()

    async def _speak_within_limits(
        self, session: AgentSession, brake: Brake, guards: list[Coroutine[Any, Any, None]]
    ) -> None:
        """The end of an agent that is killed for what it uses is seen by its session first: that is not the reason."""
        try:
            await first_of(self._speak(session, brake), guards)
        except AgentFailed:
            self._require_no_excess()
            raise
        self._require_no_excess()

    def _require_no_excess(self) -> None:
        if self._excess is not None:
            raise RunCannotGoOn(f"{self._excess.kind}-limit", str(self._excess))

    def _note_excess(self, excess: LimitExceeded) -> None:
        self._excess = excess

    def _tell_last_words(self, session: AgentSession) -> None:
        """What the agent wrote to stderr last, for whoever wants to know why it failed. Redacted before it is cut."""
        words = self._redactor.text(session.stderr_text)[-LAST_WORDS_CHARACTERS:].strip()
        if words:
            self._recorder.add(Draft("log", "What the agent wrote to stderr last.", "error", data={"stderr": words}))

    async def _speak(self, session: AgentSession, brake: Brake) -> None:
        if not await self._open(session):
            return
        while (prompt := await patiently(next_prompt, self._attempt)) is not None:
            await brake.may_prompt()
            if prompt.message is not None:
                async with brake.held():  # what the agent has left running may not move either
                    await patiently(take_checkpoint, self._attempt, prompt.message, self._lease)  # takes one only
            if self._attempt.is_recap_due:
                async with brake.held():  # the recap tells which files have changed
                    await self._look_at_files()
            files = await patiently(files_of, prompt, self._attempt)
            if files:
                async with brake.held():  # nothing may move the folders that are written to
                    await asyncio.to_thread(lay_out, files, self._attempt)
            text, recap = await patiently(worded, prompt, self._attempt, self._profile)
            shown = await self._found_for(prompt)
            told = shown.of_session(self._attempt.session_id)
            if not await written(begin, prompt, self._attempt, self._lease, told):
                continue
            if recap:
                self._recorder.add(Draft("log", RECAP_NOTE, "notice", data={"recap": recap}))
            _check(await session.prompt(text + shown.text, turn=prompt.name, files=files))
            self._questions.hear()
            await self._recorder.finish()
            await written(finish, prompt, self._attempt, self._lease)

    async def _found_for(self, prompt: Prompt) -> Shown:
        """What was found before the agent was started; what goes with a message is found now."""
        if prompt.message is None and self._shown.told is not None:
            return self._shown
        return await patiently(retrieve, prompt, self._attempt)

    def _take(self, update: AgentUpdate) -> "asyncio.Future[None] | None":
        self._questions.hear()
        return self._recorder.take(update)

    async def _open(self, session: AgentSession) -> bool:
        """Whether there is a session now. False: the former one cannot be opened, and a new process has to go on."""
        identity, attempt = await session.initialize(), self._attempt
        is_safe = self._run.safe_mode
        cwd, mode = str(self._spec.work_tree), self._profile.mode(is_safe=is_safe)
        servers, told = self._mcp_servers.given_to(self._profile, identity, self._way_out, is_safe=is_safe)
        for draft in told:
            self._recorder.add(draft)
        if attempt.session_id and not attempt.is_recap_due:
            if self._profile.is_resumable and identity.can_load_session:
                try:
                    await session.load_session(attempt.session_id, cwd, mode, servers)
                except AgentFailed as failure:
                    self._recorder.add(Draft("log", f"{LOST_NOTE} {failure.reason}", "warning"))
                    await written(forget_session, attempt, self._lease)
                    return False
                return True
            await written(forget_session, attempt, self._lease)
        session_id = await session.new_session(cwd, mode, servers)
        await written(keep_session, attempt, session_id, self._lease)
        return True

    async def _wind_up(self, session: AgentSession, process: SandboxedProcess) -> None:
        """Asks the agent to end by itself, for a moment; its process is killed after that in any case."""
        with suppress(AgentFailed, RuntimeError, TimeoutError):
            async with asyncio.timeout(WIND_UP_SECONDS):  # it may not read what it is sent
                await session.cancel()
        await process.has_exited_within(0.1)

    async def _keep_limits(self, process: SandboxedProcess) -> None:
        await watch(process, self._spec, tell=self._note_excess)
        self._require_no_excess()
        await asyncio.Event().wait()  # the agent has ended: its session says so

    async def _watch_files(self) -> None:
        async for _ in watch_tree(self._spec.work_tree):
            self._files_changed.set()

    async def _follow_files(self, brake: Brake) -> None:
        """Records changed files soon after some have changed, while the agent's processes stand still.

        Many changes are one look, and looks take a small part of the agent's time, however large the tree is.
        """
        while True:
            await self._files_changed.wait()
            self._files_changed.clear()
            begun = time.monotonic()
            async with brake.held():
                await self._look_at_files()
            await asyncio.sleep(max(FILES_EVERY_SECONDS, STILL_PART * (time.monotonic() - begun)))

    async def _look_at_files(self) -> None:
        """What cannot be recorded now may be gone in a moment: at the end it counts, here it is only told, once."""
        try:
            await patiently(record_present_files, self._attempt, self._lease, open_work_tree(self._workspace))
        except GitError as error:
            if error.message != self._told:
                self._recorder.add(Draft("log", f"The files could not be read just now: {error.message}", "warning"))
            self._told = error.message
        else:
            self._told = ""

    @property
    def _workspace(self) -> Any:
        return self._attempt.workspace


def _check(outcome: PromptOutcome) -> None:
    if outcome.stop_reason == "refusal":
        raise RunCannotGoOn("agent-refused", "The agent refused to go on with this prompt.")
    if outcome.stop_reason not in ("end_turn", "cancelled"):
        raise RunCannotGoOn("agent-stopped", f"The agent stopped early: {outcome.stop_reason}.")


async def first_of(main: Coroutine[Any, Any, None], guards: list[Coroutine[Any, Any, None]]) -> None:
    """Returns with `main`, unless a guard raises first; whatever is still under way then is cancelled and awaited."""
    work = asyncio.ensure_future(main)
    tasks = [asyncio.ensure_future(guard) for guard in guards]
    try:
        done, _ = await asyncio.wait({work, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {work}:
            task.result()
        await work
    finally:
        for task in (work, *tasks):
            task.cancel()
        await asyncio.gather(work, *tasks, return_exceptions=True)
