"""What a check of an agent found, step by step; a step that failed says what helps."""

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Outcome = Literal["ok", "failed", "not tried"]


class StepFailed(Exception):
    """A step did not show what it should; the text says what was seen and what helps."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One step: what came of it, how long it took, and a remark; of a failed one, why and the cure."""

    step: str
    outcome: Outcome
    seconds: float = 0.0
    remark: str = ""

    def as_json(self) -> dict[str, Any]:
        """For programs that read it."""
        return asdict(self) | {"seconds": round(self.seconds, 3)}


@dataclass(slots=True)
class Findings:
    """The steps of one check, told as they come."""

    tell: Callable[[Finding], None]
    found: list[Finding] = field(default_factory=list)

    @property
    def failure(self) -> str:
        """Why the agent did not pass: its first failed step; empty when it did."""
        return next((f"{each.step}: {each.remark}" for each in self.found if each.outcome == "failed"), "")

    async def step(self, name: str, work: Callable[[], Awaitable[str]]) -> bool:
        """Do one step, whose work gives a remark or raises StepFailed; whether it showed what it should."""
        begun_at = time.monotonic()
        try:
            remark = await work()
        except StepFailed as failure:
            self._note(Finding(name, "failed", time.monotonic() - begun_at, str(failure)))
            return False
        self._note(Finding(name, "ok", time.monotonic() - begun_at, remark))
        return True

    def skip(self, names: Iterable[str]) -> None:
        """Tell of each that was not found out that it was not tried."""
        known = {each.step for each in self.found}
        for name in names:
            if name not in known:
                self._note(Finding(name, "not tried"))

    def _note(self, finding: Finding) -> None:
        self.found.append(finding)
        self.tell(finding)
