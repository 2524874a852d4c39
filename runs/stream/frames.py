"""Events as Server-Sent Events (WHATWG HTML, section 9.2), each framed once."""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from runs.event_json import event_json

PING = b":ping\n\n"
# URLSession (iOS) hands over neither a text's response nor its bytes before there are 512 of them.
PADDING = b" " * 512


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
        return event_json(self.event_id, self.body)

    @property
    def wire(self) -> bytes:
        return f"id: {self.event_id}\nevent: agent_event\ndata: {self.public_json}\n\n".encode()


class Audience:
    """Who may see the events of some projects, as it is at one moment."""

    def __init__(self, operators: frozenset[int], members: dict[int, frozenset[int]]) -> None:
        self._operators, self._members = operators, members

    def has(self, user_id: int, project_id: int) -> bool:
        """Whether that person may see what happens in that project."""
        return user_id in self._operators or user_id in self._members.get(project_id, ())


class Batch:
    """Rows that were read together, and their bytes, shared by every reader that wants them all.

    With an audience, which was read after the rows, each reader is shown only what that person may see.
    """

    __slots__ = ("_ends", "audience", "first_id", "frames", "last_id", "wire")

    def __init__(self, frames: Sequence[Frame], audience: Audience | None = None) -> None:
        wires = [frame.wire for frame in frames]
        self.frames, self.audience = frames, audience
        self.wire = b"".join(wires)
        self._ends = list(accumulate(map(len, wires)))
        self.first_id, self.last_id = frames[0].event_id, frames[-1].event_id

    def bytes_of(self, numbers: Iterable[int]) -> bytes:
        """The bytes of the frames that stand at these places, in the order given."""
        ends, wire = self._ends, self.wire
        return b"".join(wire[ends[number - 1] if number else 0 : ends[number]] for number in numbers)


def opening(retry_ms: int, cursor: int) -> bytes:
    """The first block of a stream, no event: how long to wait before reopening it, and the place to do so from."""
    return b"retry: %d\nid: %d\n:%b\n\n" % (retry_ms, cursor, PADDING)


def position(cursor: int) -> bytes:
    """A ping that tells how far a stream has read: clients keep the id, though no event comes with it."""
    return b"id: %d\n" % cursor + PING
