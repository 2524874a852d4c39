"""How far a round has come: what its writers have told of. What waits for a part of it waits here."""

import threading
from dataclasses import dataclass, field


@dataclass
class Progress:
    """Batches that were told to be in the table, in the order of the telling, of all that are planned."""

    planned: int
    tokens: list[str] = field(default_factory=list)
    done: int = 0
    is_over: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def told(self) -> int:
        """How many events are known to be in the table."""
        return len(self.tokens)

    def tell(self, tokens: list[str]) -> None:
        """A batch is done with: committed with these tokens, or with none."""
        with self.changed:
            self.tokens += tokens
            self.done += 1
            self.changed.notify_all()

    def end(self) -> None:
        """No writer is left."""
        with self.changed:
            self.is_over = True
            self.changed.notify_all()

    def wait_for(self, part: float) -> None:
        """Until this part of all batches is done with, or no writer is left."""
        with self.changed:
            self.changed.wait_for(lambda: self.is_over or (part < 1 and self.done >= part * self.planned))
