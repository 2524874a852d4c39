"""The first steps with an agent: started in its sandbox, spoken to, given a session in its work tree."""

from contextlib import AsyncExitStack

from runs.execution.agents.errors import AgentFailed
from runs.execution.checking.findings import StepFailed
from runs.execution.checking.model import Model
from runs.execution.checking.place import Place
from runs.execution.checking.trial import Candidate, Trial, started


class Beginning:
    """One start of an agent, which ends with ``stack``. Each step gives a remark, or raises StepFailed."""

    def __init__(
        self, candidate: Candidate, place: Place, model: Model, stack: AsyncExitStack, *, is_safe: bool
    ) -> None:
        self._candidate, self._place, self._model, self._stack = candidate, place, model, stack
        self._is_safe = is_safe
        self._started: Trial | None = None

    @property
    def trial(self) -> Trial:
        """The started agent."""
        if self._started is None:
            raise RuntimeError("start() comes first")
        return self._started

    async def start(self) -> str:
        """In its sandbox."""
        starting = started(self._candidate, self._place, self._model.access, self._model.bridges, is_safe=self._is_safe)
        self._started = await self._stack.enter_async_context(starting)
        return "" if self.trial.process.is_sandboxed else "without a sandbox, as safety.allow_unsandboxed says"

    async def shake_hands(self) -> str:
        """ACP's initialize."""
        try:
            identity = await self.trial.session.initialize()
        except AgentFailed as failure:
            raise StepFailed(failure.reason) from failure
        return f"{identity.name} {identity.version}".strip()

    async def open_session(self) -> str:
        """ACP's session/new, and the mode of the profile."""
        mode = self._candidate.profile.mode(is_safe=self._is_safe)
        try:
            await self.trial.session.new_session(str(self._place.work_tree), mode)
        except AgentFailed as failure:
            raise StepFailed(f"{failure.reason}{self.trial.last_words()}") from failure
        return f"mode {mode}" if mode else ""

    async def all(self) -> str:
        """The three in turn."""
        await self.start()
        await self.shake_hands()
        return await self.open_session()
