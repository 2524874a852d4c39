"""How far a plan has come: its entries follow the acting blocks after it, one to one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .blocks import Plan, Say, Step


@dataclass(frozen=True, slots=True)
class PlanProgress:
    """The latest plan, and how many of the ``block_count`` blocks after it are done.

    More blocks than entries: the last entry takes the rest. Fewer: what is left completes with the last block.
    """

    entries: tuple[str, ...]
    block_count: int
    done_count: int

    def as_update(self) -> dict[str, Any]:
        """The ACP ``plan`` update."""
        entries = [
            {"content": entry, "priority": "medium", "status": self._status(index)}
            for index, entry in enumerate(self.entries)
        ]
        return {"sessionUpdate": "plan", "entries": entries}

    def _status(self, index: int) -> str:
        if self.done_count >= self.block_count:
            return "completed"
        current = min(self.done_count, len(self.entries) - 1)
        if index == current:
            return "in_progress"
        return "completed" if index < current else "pending"


def progress_after(steps: Sequence[Step], finished_count: int) -> PlanProgress | None:
    """The progress of the latest plan among the first ``finished_count`` steps; None without one."""
    starts = [index for index, step in enumerate(steps[:finished_count]) if isinstance(step, Plan)]
    if not starts:
        return None
    plan = steps[starts[-1]]
    later = [index for index, step in enumerate(steps) if isinstance(step, Plan) and index > starts[-1]]
    end = later[0] if later else len(steps)
    blocks = [index for index in range(starts[-1] + 1, end) if not isinstance(steps[index], Say)]
    done_count = sum(index < finished_count for index in blocks)
    return PlanProgress(plan.entries, len(blocks), done_count) if isinstance(plan, Plan) else None
