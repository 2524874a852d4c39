"""The writers of a round from the side of who drives it: their lives, and what each has told of its batches."""

import json
import os
import selectors
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection, HTTPException

from tests.rounds.plan import USER_STREAM_KINDS, Kill, Writer
from tests.rounds.processes import Web, Zygote
from tests.rounds.progress import Progress

DOOR_SECONDS = 30.0
REFUSED = range(400, 500)


@dataclass
class Writing:
    """One writer at work, in a thread of its own."""

    name: str
    plan: Writer
    run: int
    token: str
    forks: Zygote
    webs: Sequence[Web]
    progress: Progress
    outcomes: dict[int, str] = field(default_factory=dict)  # by the batch's number; nothing: it may be there or not
    failure: str = ""

    def work(self) -> None:
        """The thread's work."""
        try:
            if self.plan.role == "door":
                self._ask()
            else:
                self._live()
        except Exception as error:
            self.failure = repr(error)

    def tokens(self, number: int) -> list[str]:
        """What the events of a batch are known by."""
        return [f"{self.name}-{number}-{each}" for each in range(len(self.plan.batches[number].events))]

    def _live(self) -> None:
        begin = 0
        for kill in (*self.plan.kills, None):
            told, status = self._life(begin, kill)
            assert status == 0 or (kill is not None and status == -signal.SIGKILL), f"a writer ended with {status}"
            if status == 0:
                return
            # What it was at when it died may be in the table or not; the next life goes on after that.
            begin = told + 1
            if self.plan.role == "executor":
                self.forks.ask("writers:recover")

    def _life(self, begin: int, kill: Kill | None) -> tuple[int, int]:
        """A process for the batches from that one on: the first one that it has not told of, and its exit status."""
        batches = [
            {**asdict(batch), "number": number, "tokens": self.tokens(number)}
            for number, batch in enumerate(self.plan.batches)
            if number >= begin
        ]
        reading, writing = os.pipe()
        child = self.forks.fork(
            "writers:write",
            writing,
            run=self.run,
            role=self.plan.role,
            batches=batches,
            kill=kill and asdict(kill),
        )
        os.close(writing)
        told = begin
        with os.fdopen(reading, "rb") as pipe:
            for line in _lines(pipe.fileno(), child, kill):
                ((outcome, number),) = json.loads(line).items()
                if outcome != "done":
                    self._note(number, outcome)
                    told = number + 1
        return told, self.forks.reap(child)

    def _note(self, number: int, outcome: str) -> None:
        self.outcomes[number] = outcome
        self.progress.tell(self.tokens(number) if outcome == "committed" else [])

    def _ask(self) -> None:
        """Follow-ups, pauses and resumes over HTTP, by turns to each web process."""
        is_paused = False
        for number, batch in enumerate(self.plan.batches):
            port = self.webs[number % len(self.webs)].port
            if batch.events[0].kind in USER_STREAM_KINDS:
                is_paused = not is_paused
                self._post(port, "pause" if is_paused else "resume", {})
            else:
                status = self._post(port, "messages", {"text": self.tokens(number)[0]})
                if status is not None:
                    self._note(number, "rolled back" if status in REFUSED else "committed")
            time.sleep(batch.rest_ms / 1000)

    def _post(self, port: int, action: str, body: dict[str, str]) -> int | None:
        """The status of the answer, None where the connection ended without one."""
        connection = HTTPConnection("127.0.0.1", port, timeout=DOOR_SECONDS)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request("POST", f"/api/runs/{self.run}/{action}", json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()
        assert answer.status < 300 or answer.status == 409, f"{answer.status}: {text!r}"
        return answer.status


def _lines(pipe: int, child: int, kill: Kill | None) -> Iterator[bytes]:
    """What a writer tells until its end, line by line; one that is to be killed after a time is."""
    kill_at = time.monotonic() + kill.number / 1000 if kill is not None and kill.at == "time" else None
    told = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if kill_at is not None and not selector.select(max(0.0, kill_at - time.monotonic())):
                os.kill(child, signal.SIGKILL)
                kill_at = None
            piece = os.read(pipe, 65536)
            if not piece:
                return
            *lines, told = (told + piece).split(b"\n")
            yield from lines
