"""The project's commands before the agent starts and after it has ended: one after another, each in a sandbox.

They see what the agent sees, its work tree and home, and are recorded as commands with the phase `setup` or `teardown`.
A setup that fails fails the run; a teardown that fails is told, and changes nothing. What was done is counted in the
attempt's row: after a kill the command that was under way begins again, and no other.
"""

import asyncio
import contextlib

from asgiref.sync import async_to_sync

from config.api.params import read
from projects.leases import Lease
from runs.events import Draft
from runs.execution.attempts import agent_setting, command_spec
from runs.execution.brake import Brake
from runs.execution.errors import RunCannotGoOn, RunInterrupted
from runs.execution.patience import patiently, patiently_here, written_here
from runs.execution.profiles import profile_of
from runs.execution.prompts import holding
from runs.execution.recorder import Recorder
from runs.execution.sandbox.errors import SandboxError
from runs.execution.sandbox.process import start
from runs.execution.sandbox.running import SandboxedProcess
from runs.execution.sandbox.support import SandboxSupport, probe
from runs.execution.sandbox.watchdog import LimitExceeded, watch
from runs.execution.sitting import first_of
from runs.execution.step_output import StepOutput
from runs.execution.tree_hold import TreeHold
from runs.execution.watch import watch_run
from runs.execution.way_out import open_way_out
from runs.known_secrets import redactor_of
from runs.models import CommandExecution, Run, RunAttempt
from runs.services.recording import CommandEnd, CommandStart, record
from runs.workers import stopping

Phase = CommandExecution.Phase
LOOK_EVERY_SECONDS = 0.2
MINUTE_SECONDS = 60.0


class StepFailed(Exception):
    """A command did not end well; the text says how."""


def set_up(run: Run, attempt: RunAttempt, lease: Lease, tree: TreeHold) -> None:
    """Setup commands that are still to be done: once an attempt, and again after a teardown. RunCannotGoOn."""
    if attempt.teardown_done:
        written_here(_count, attempt, lease, setup_done=0, teardown_done=0)
    for number in range(attempt.setup_done, len(attempt.setup_commands)):
        try:
            _carry_out(run, attempt, lease, tree, Phase.SETUP, number)
        except StepFailed as failure:
            cure = "Correct the project's setup commands or what they need, then try again."
            raise RunCannotGoOn("setup-failed", f"{failure} {cure}") from failure
        written_here(_count, attempt, lease, setup_done=number + 1)


def tear_down(run: Run, attempt: RunAttempt, lease: Lease, tree: TreeHold) -> None:
    """Teardown commands that are still to be done. RunInterrupted when this worker must stop or has lost the run."""
    for number in range(attempt.teardown_done, len(attempt.teardown_commands)):
        try:
            _carry_out(run, attempt, lease, tree, Phase.TEARDOWN, number)
        except (StepFailed, RunCannotGoOn, OSError) as failure:
            patiently_here(_tell, run, lease, str(failure))
        written_here(_count, attempt, lease, teardown_done=number + 1)


def _count(attempt: RunAttempt, lease: Lease, **counts: int) -> None:
    with holding(lease):
        for name, value in counts.items():
            setattr(attempt, name, value)
        attempt.save(update_fields=list(counts))


def _tell(run: Run, lease: Lease, text: str) -> None:
    record(run, lease, [Draft("log", text, "warning", data={"phase": Phase.TEARDOWN})])


def _carry_out(run: Run, attempt: RunAttempt, lease: Lease, tree: TreeHold, phase: Phase, number: int) -> None:
    tree.take()  # a pause at the end of the last one has lent it
    # From this very thread: a sandbox dies with the thread that started it.
    step = patiently_here(_Step, run, attempt, lease, tree, phase, number)
    async_to_sync(step.carry_out)()


class _Step:
    """One command of a phase, from its start in a sandbox to its recorded end."""

    def __init__(self, run: Run, attempt: RunAttempt, lease: Lease, tree: TreeHold, phase: Phase, number: int) -> None:
        self._lease, self._tree, self._phase = lease, tree, phase
        commands = attempt.setup_commands if phase == Phase.SETUP else attempt.teardown_commands
        self._command: str = commands[number]
        self._title = f"{phase.label} command {number + 1} of {len(commands)}"
        self._id = f"{phase}-{number + 1}-{lease.generation}-{attempt.setup_done}"
        setting, shell = agent_setting(attempt, access=None), ("/bin/sh", "-c", self._command)
        self._spec = command_spec(attempt, profile_of(run.selected_agent), setting, shell)
        self._recorder = Recorder(run, lease, setting.home, lambda: None, redactor=redactor_of(run))
        self._output = StepOutput(self._recorder, self._id, limit_bytes=self._spec.limits.file_size_bytes)
        self._excess = ""
        self._minutes: int = read(f"runs.{phase}_limit_minutes")
        self._is_allowed_without: bool = read("safety.allow_unsandboxed")

    async def carry_out(self) -> None:
        """StepFailed when it does not end with 0; nothing of it is left when this returns or raises."""
        support = await asyncio.to_thread(probe)
        async with open_way_out(support, self._recorder.add) as way_out:
            self._spec = way_out.given_to(self._spec)
            await self._carry_out(support)

    async def _carry_out(self, support: SandboxSupport) -> None:
        try:
            process = await start(self._spec, support, allow_unsandboxed=self._is_allowed_without)
        except SandboxError as error:
            raise RunCannotGoOn("sandbox-unavailable", str(error)) from error
        self._recorder.add(CommandStart(self._id, self._command, str(self._spec.work_tree), self._phase))
        async with process:
            reason = ""
            try:
                reason = await self._attend(process)
            except (RunCannotGoOn, RunInterrupted) as end:
                reason = "was ended with its run" if isinstance(end, RunInterrupted) else str(end)
                raise
            finally:
                await process.kill()
                await self._write_down(None if reason else process.return_code, reason)
        if reason or process.return_code:
            raise StepFailed(f"{self._title} {reason or f'ended with exit code {process.return_code}'}: {self._shown}.")

    @property
    def _shown(self) -> str:
        line = self._command.strip().splitlines()[0]
        return line if len(line) <= 200 else f"{line[:200]}…"

    async def _write_down(self, exit_code: int | None, reason: str) -> None:
        self._output.finish()
        with contextlib.ExitStack() as files:
            outputs = {name: files.enter_context(file) for name, file in self._output.files().items()}
            self._recorder.add(CommandEnd(self._id, exit_code, bool(reason), outputs, reason))
            await self._recorder.close()

    async def _attend(self, process: SandboxedProcess) -> str:
        """Why it was ended before its time; empty where it ended by itself."""
        process.stdin.close()
        brake = Brake(process, self._tree)
        await brake.may_prompt()  # from the first moment on a pause stops it
        guards = [self._recorder.run(), self._output.tell(), self._follow(brake), self._keep_limits(process)]
        guards.append(self._keep_time(brake))
        try:
            await first_of(self._read(process), guards)
        except StepFailed as failure:
            return str(failure)
        return self._excess  # its end may be seen before the watchdog has told

    async def _read(self, process: SandboxedProcess) -> None:
        try:
            async with asyncio.TaskGroup() as reading:
                reading.create_task(self._output.read("stdout", process.stdout))
                reading.create_task(self._output.read("stderr", process.stderr))
                await process.wait()
        except ExceptionGroup as group:  # a full disk is told as one
            raise group.exceptions[0] from group

    async def _follow(self, brake: Brake) -> None:
        """Of a setup all that ends an agent ends it too; a teardown is for after a cancel, and heeds none."""
        if self._phase == Phase.SETUP:
            await watch_run(self._lease, brake)
        while True:
            if stopping.is_requested():
                raise RunInterrupted("stopping")
            if not await patiently(self._lease.held().exists):
                raise RunInterrupted("lost")
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _keep_limits(self, process: SandboxedProcess) -> None:
        await watch(process, self._spec, tell=self._note_excess)
        if self._excess:
            raise StepFailed(self._excess)
        await asyncio.Event().wait()

    def _note_excess(self, excess: LimitExceeded) -> None:
        self._excess = f"used too much ({excess.kind}) and was ended"

    async def _keep_time(self, brake: Brake) -> None:
        left_seconds = MINUTE_SECONDS * self._minutes
        while left_seconds > 0:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            left_seconds -= 0 if brake.is_paused else LOOK_EVERY_SECONDS
        raise StepFailed(f"took longer than {self._minutes} minutes and was ended")
