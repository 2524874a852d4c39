"""The check of an agent: what a run needs of it, one thing after another, with a scripted model behind it."""

import asyncio
import shlex
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress

from runs.execution.agents.output_files import OutputFileRefused, open_output, read_exit_code
from runs.execution.agents.updates import CommandFinished, CommandOutput, CommandStarted, MessageChunk
from runs.execution.checking.beginning import Beginning
from runs.execution.checking.findings import Finding, Findings, StepFailed
from runs.execution.checking.model import Model, reach_model
from runs.execution.checking.place import README, Place, temporary_place
from runs.execution.checking.prompts import Prompts
from runs.execution.checking.trial import Candidate, Trial

TURN_SECONDS = 120.0
CHILD_SECONDS = 60.0
OBEY_SECONDS = 5.0
LOOK_EVERY_SECONDS = 0.02
TEXT = "written by the agent"
OUTPUT = "told-by-the-command"
EXIT_CODE = 3
SAID_CHARACTERS = 300
COMMAND = f"sh -c 'echo {OUTPUT}; exit {EXIT_CODE}'"
ENDLESS = ("tail", "-f", README)
BEGINNING = ("sandbox", "handshake", "session", "file")
ALLOWED = ("command", "output", "exit code", "tokens", "cancel")
REFUSED = ("safe mode", "file refused", "command refused", "tree unchanged")


async def check(candidate: Candidate, tell: Callable[[Finding], None]) -> Findings:
    """Every step in turn; ``tell`` is called with each. A step that fails is found, not raised."""
    findings = Findings(tell)
    with temporary_place(candidate.folder) as place:
        async with reach_model(candidate) as model:
            checked = _Check(candidate, place, model, findings)
            await checked.what_is_allowed()
            findings.skip((*BEGINNING, *ALLOWED))
            await checked.what_is_refused()
            findings.skip(REFUSED)
    return findings


class _Check:
    """The steps, and what they share."""

    def __init__(self, candidate: Candidate, place: Place, model: Model, findings: Findings) -> None:
        self._candidate, self._place, self._model, self._findings = candidate, place, model, findings
        self._prompts = Prompts(is_for_model=candidate.vendor is not None)

    async def what_is_allowed(self) -> None:
        """One start of the agent, without safe mode."""
        step = self._findings.step
        async with AsyncExitStack() as stack:
            begun = Beginning(self._candidate, self._place, self._model, stack, is_safe=False)
            if not (
                await step("sandbox", begun.start)
                and await step("handshake", begun.shake_hands)
                and await step("session", begun.open_session)
                and await step("file", lambda: self._writes(begun.trial))
            ):
                return
            trial = begun.trial
            if await step("command", lambda: self._runs(trial)):
                await step("output", lambda: self._tells_output(trial))
                await step("exit code", lambda: self._tells_exit_code(trial))
            else:
                self._findings.skip(("output", "exit code"))
            await step("tokens", self._model.counted)
            await step("cancel", lambda: self._obeys(trial))

    async def what_is_refused(self) -> None:
        """Another start, in safe mode."""
        step, before = self._findings.step, self._place.files()
        async with AsyncExitStack() as stack:
            begun = Beginning(self._candidate, self._place, self._model, stack, is_safe=True)
            if not await step("safe mode", begun.all):
                return
            write, run = self._prompts.write("refused.txt", TEXT), self._prompts.run("touch refused-too.txt")
            await step("file refused", lambda: _asks(begun.trial, write))
            await step("command refused", lambda: _asks(begun.trial, run))
            await step("tree unchanged", lambda: self._is_unchanged(before))

    async def _writes(self, trial: Trial) -> str:
        ending = await trial.prompt(self._prompts.write("written.txt", TEXT), TURN_SECONDS)
        if self._place.files().get("written.txt") != f"{TEXT}\n".encode():
            raise StepFailed(f"The agent wrote no file, or another.{_more(ending, trial)}")
        return ""

    async def _runs(self, trial: Trial) -> str:
        ending = await trial.prompt(self._prompts.run(COMMAND), TURN_SECONDS)
        if not any(OUTPUT in told.command for told in trial.of(CommandStarted)):
            raise StepFailed(f"The agent told of no such command.{_more(ending, trial)}")
        return ""

    async def _obeys(self, trial: Trial) -> str:
        turn = asyncio.ensure_future(trial.session.prompt(self._prompts.run(shlex.join(ENDLESS))))
        try:
            if not await _until(lambda: trial.is_running(ENDLESS) or turn.done(), CHILD_SECONDS) or turn.done():
                raise StepFailed(f"The agent did not start a command to be cancelled.{trial.last_words()}")
            begun_at = time.monotonic()
            await trial.session.cancel()
            has_obeyed = await _until(lambda: turn.done() and not trial.is_running(ENDLESS), OBEY_SECONDS)
        finally:
            turn.cancel()
            await asyncio.gather(turn, return_exceptions=True)
        if has_obeyed:
            return f"obeyed within {time.monotonic() - begun_at:.2f} s"
        return "the agent does not obey: its processes are killed after that time"

    async def _is_unchanged(self, before: Mapping[str, bytes]) -> str:
        after = self._place.files()
        if changed := sorted(path for path in {*before, *after} if before.get(path) != after.get(path)):
            raise StepFailed(f"The agent changed files although all was refused: {', '.join(changed)}.")
        return ""

    async def _tells_output(self, trial: Trial) -> str:
        told = "".join(piece.text for piece in trial.of(CommandOutput))
        ends = trial.of(CommandFinished)
        if OUTPUT not in told + "".join(end.stdout + end.stderr + self._kept(end) for end in ends):
            raise StepFailed("The command's output did not arrive.")
        return "while it ran" if OUTPUT in told else "at its end"

    async def _tells_exit_code(self, trial: Trial) -> str:
        home, ends = self._place.home, trial.of(CommandFinished)
        codes = [read_exit_code(home, end.exit_code_file) if end.exit_code is None else end.exit_code for end in ends]
        if EXIT_CODE not in codes:
            raise StepFailed(f"The exit code {EXIT_CODE} did not arrive; what did: {codes}.")
        return str(EXIT_CODE)

    def _kept(self, end: CommandFinished) -> str:
        """What the agent's shell kept of its output."""
        with suppress(OutputFileRefused), open_output(self._place.home, end.stdout_file or "") as file:
            return file.read().decode("utf-8", "replace")
        return ""


async def _asks(trial: Trial, text: str) -> str:
    asked_before = len(trial.requests)
    ending = await trial.prompt(text, TURN_SECONDS)
    if len(trial.requests) == asked_before:
        raise StepFailed(f"The agent did not ask for leave.{_more(ending, trial)}")
    return trial.requests[-1].title.splitlines()[0][:60]


def _more(ending: str, trial: Trial) -> str:
    """How the turn ended and what was said last, as more sentences."""
    said = "".join(chunk.text for chunk in trial.of(MessageChunk))[-SAID_CHARACTERS:].strip()
    return f" Its turn ended so: {ending}.{f' It said last: {said}' if said else ''}{trial.last_words()}"


async def _until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true in that time."""
    deadline = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < deadline:  # noqa: ASYNC110  (nobody tells of processes)
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return holds
