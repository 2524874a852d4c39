"""Events as Server-Sent Events (WHATWG HTML, section 9.2), each framed once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

PING = b":ping\n\n"


class Frame(NamedTuple):
    """A row of the log, ready to send."""

    event_id: int
    project_id: int
    event_type: str
    severity: str
    path: str | None
    body: str

    @property
    def public_json(self) -> str:
        """The event as the API shows it."""
        return f'{{"id":{self.event_id},{self.body}'

    @property
    def wire(self) -> bytes:
        return f"id: {self.event_id}\nevent: agent_event\ndata: {self.public_json}\n\n".encode()


@dataclass(frozen=True)
class Batch:
    """Rows that were read together, and their bytes, shared by every reader that wants them all."""

    frames: tuple[Frame, ...]
    wire: bytes

    @property
    def first_id(self) -> int:
        return self.frames[0].event_id

    @property
    def last_id(self) -> int:
        return self.frames[-1].event_id


def make_batch(frames: Sequence[Frame]) -> Batch:
    """Frames the rows once."""
    return Batch(tuple(frames), b"".join(frame.wire for frame in frames))
