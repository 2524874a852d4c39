"""The plan of one round, drawn from its seed alone: who writes what, who reads how, who is killed when.

The same seed gives the same plan; how the processes then meet each other is the machine's to say.
"""

import random
from dataclasses import asdict, dataclass
from typing import Any

SEVERITIES = ("debug", "info", "notice", "warning", "error")
USER_STREAM_KINDS = ("permission_requested", "review_submitted", "git_committed", "git_push_failed")
QUIET_KINDS = ("log", "agent_message", "command_output", "file_updated", "tool_started")
PATHS = ("app/models.py", "app/views.py", "docs/a.md", "App/models.py", "ap_/x", None, None)
RUNS, WEB_PROCESSES, PEOPLE = 3, 2, 2
PROJECT_OF_RUN = (0, 0, 1)
"""Two runs of a project that both people work in, and one of a project that only the first does."""


@dataclass(frozen=True)
class Event:
    """An event to be written; its text is that long, in characters."""

    kind: str
    severity: str
    path: str | None
    length: int


@dataclass(frozen=True)
class Batch:
    """One append, or two in one transaction that stays open in between for that long. `is_kept`: not rolled back."""

    events: tuple[Event, ...]
    is_kept: bool = True
    hold_ms: int = 0
    rest_ms: int = 0


@dataclass(frozen=True)
class Kill:
    """kill -9 of a writer: at its so many-th statement (before or after), after a commit that it has told nobody of
    yet, or after so many milliseconds, wherever it is then."""

    at: str  # "before", "after", "commit" or "time"
    number: int


@dataclass(frozen=True)
class Writer:
    """A process that appends to one run: `executor` (with a lease, claimed and completed), `api` (without), `project`
    (to the project of the run); or `door`: requests to a web process. Each kill is followed by another life, which an
    executor's run gets by recovery."""

    role: str
    run: int
    batches: tuple[Batch, ...]
    kills: tuple[Kill, ...] = ()


@dataclass(frozen=True)
class Leg:
    """One connection of a reader: to which web process, how it is read, and after how many bytes of the answer's body
    it ends: the reader goes, or with `kill` the web process goes by that signal (9, or 15)."""

    how: str  # "stream", "so far" (follow=false) or "page"
    web: int
    cut_bytes: int | None = None
    kill: int | None = None
    receive_buffer_bytes: int | None = None
    piece_bytes: int = 65536
    pause_ms: int = 0
    sleeps: tuple[int, float] | None = None  # after so many bytes nothing is read until this part is written
    is_http_1_0: bool = False
    page_limit: int = 200
    by_parameter: bool = False


@dataclass(frozen=True)
class Wish:
    """What a reader filters by."""

    kinds: tuple[str, ...] = ()
    severity: str | None = None
    path: str | None = None

    def query(self) -> dict[str, str]:
        """The parameters of a stream or page."""
        named = {"eventTypes": ",".join(self.kinds), "severity": self.severity, "path": self.path}
        return {name: text for name, text in named.items() if text}

    def admits(self, row: dict[str, Any]) -> bool:
        """The same as the documentation has it, without the server's code."""
        if self.kinds and row["eventType"] not in self.kinds:
            return False
        if self.severity and SEVERITIES.index(row["severity"]) < SEVERITIES.index(self.severity):
            return False
        if self.path is None:
            return True
        path: str | None = row["path"]
        return path is not None and (path.startswith(self.path) if self.path[-1] == "/" else path == self.path)


@dataclass(frozen=True)
class Reader:
    """A client that follows a run, or with None the user's stream, from before the writers, amid them or after."""

    person: int
    run: int | None
    begins_after: float  # 0: before the first writer; else this part of all batches; 1: after the last writer
    is_from_now: bool  # without a place; on a run's stream that is its beginning
    wish: Wish
    legs: tuple[Leg, ...]


@dataclass(frozen=True)
class Plan:
    """A whole round. `tuning`: bounds of each web process, small ones so that they are met."""

    seed: int
    writers: tuple[Writer, ...]
    readers: tuple[Reader, ...]
    web_kills: tuple[tuple[float, int, int], ...]  # after this part of all batches, which one, by which signal
    tuning: tuple[dict[str, float], ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def make_plan(seed: int) -> Plan:
    """The plan of that seed."""
    return _Drawing(seed).plan()


class _Drawing:
    def __init__(self, seed: int) -> None:
        self.seed, self.chance = seed, random.Random(seed)  # noqa: S311 - to be had again, not to be secret
        self.is_heavy = self.chance.random() < 0.35  # long events: readers' buffers run full
        self.busy_run = self.chance.randrange(RUNS)

    def plan(self) -> Plan:
        chance = self.chance
        writers = tuple(self.writer() for _ in range(chance.randint(2, 5)))
        return Plan(
            seed=self.seed,
            writers=writers,
            readers=tuple(self.reader() for _ in range(chance.randint(4, 9))),
            web_kills=tuple(
                (chance.random(), chance.randrange(WEB_PROCESSES), self.signal())
                for _ in range(chance.choice((0, 0, 1, 2)))
            ),
            tuning=tuple(self.tuning() for _ in range(WEB_PROCESSES)),
        )

    def signal(self) -> int:
        return self.chance.choice((9, 9, 9, 15))

    def tuning(self) -> dict[str, float]:
        chance = self.chance
        bounds: dict[str, float] = {}
        if chance.random() < 0.7:
            bounds["queue_batches"] = chance.choice((0, 1, 2, 4))
        if chance.random() < 0.6:
            bounds["page_rows"] = chance.choice((3, 7, 40))
        if chance.random() < 0.6:
            bounds["ping_seconds"] = chance.choice((0.02, 0.1))
        for name, choices in {"queue_bytes": (1, 5_000), "page_bytes": (500, 5_000), "looked_at": (7, 40)}.items():
            if chance.random() < 0.25:
                bounds[name] = chance.choice(choices)
        return bounds

    def writer(self) -> Writer:
        chance = self.chance
        role = chance.choice(("executor", "executor", "api", "api", "api", "project", "door"))
        run = self.busy_run if chance.random() < 0.6 else chance.randrange(RUNS)
        count = chance.randint(3, 8 if role == "door" else 16)
        batches = tuple(self.batch(role) for _ in range(count))
        kills = () if role == "door" else tuple(self.kill() for _ in range(chance.choice((0, 0, 1, 1, 2))))
        return Writer(role, run, batches, kills)

    def kill(self) -> Kill:
        at = self.chance.choice(("before", "after", "after", "commit", "time"))
        number = self.chance.randint(1, {"commit": 6, "time": 150}.get(at, 40))
        return Kill(at, number)

    def batch(self, role: str) -> Batch:
        chance = self.chance
        count = 1 if role in ("project", "door") else chance.choice((1, 1, 2, 5, 20, 50))
        return Batch(
            events=tuple(self.event() for _ in range(count)),
            is_kept=role == "door" or chance.random() > 0.12,
            hold_ms=chance.choice((0, 0, 0, 1, 5, 20)),
            rest_ms=chance.choice((0, 0, 1, 3, 10, 30)),
        )

    def event(self) -> Event:
        chance = self.chance
        kind = chance.choice(USER_STREAM_KINDS if chance.random() < 0.35 else QUIET_KINDS)
        lengths = (0, 10, 200, 4_000, 15_000) if self.is_heavy else (0, 3, 10, 80, 300)
        return Event(kind, chance.choice(SEVERITIES), chance.choice(PATHS), chance.choice(lengths))

    def reader(self) -> Reader:
        chance = self.chance
        run = chance.choice((None, None, self.busy_run, self.busy_run, self.busy_run, chance.randrange(RUNS)))
        begins_after = chance.choice((0, 0, 0, chance.random(), chance.random(), 1))
        return Reader(
            person=0 if run is not None and PROJECT_OF_RUN[run] else chance.randrange(PEOPLE),
            run=run,
            begins_after=begins_after,
            is_from_now=chance.random() < 0.5 and (run is not None or begins_after == 0),  # "now" is known only then
            wish=self.wish(),
            legs=tuple(self.leg(run) for _ in range(chance.choice((1, 2, 4, 8)))),
        )

    def wish(self) -> Wish:
        chance = self.chance
        by = chance.choice(("nothing", "nothing", "nothing", "kinds", "severity", "path", "all"))
        kinds = tuple(chance.sample(USER_STREAM_KINDS + QUIET_KINDS, chance.randint(1, 6)))
        return Wish(
            kinds=kinds if by in ("kinds", "all") else (),
            severity=chance.choice(SEVERITIES[:4]) if by in ("severity", "all") else None,
            path=chance.choice(("app/", "app/models.py", "ap_/", "App/")) if by in ("path", "all") else None,
        )

    def leg(self, run: int | None) -> Leg:
        chance = self.chance
        is_slow = chance.random() < 0.4
        longest = chance.choice((60, 400, 5_000, 200_000))
        return Leg(
            how=chance.choice(("stream", "stream", "stream", "so far", "page" if run is not None else "stream")),
            web=chance.randrange(WEB_PROCESSES),
            cut_bytes=chance.randint(0, longest) if chance.random() < 0.8 else None,
            kill=self.signal() if chance.random() < 0.1 else None,
            receive_buffer_bytes=chance.choice((4_096, 16_384, 65_536)) if is_slow else None,
            piece_bytes=chance.choice((1, 97)) if longest <= 400 else chance.choice((1_024, 65_536)),
            pause_ms=chance.choice((0, 1, 5)) if is_slow else 0,
            sleeps=(chance.randint(1, 2_000), chance.random()) if is_slow and chance.random() < 0.6 else None,
            is_http_1_0=chance.random() < 0.3,
            page_limit=chance.choice((1, 3, 20, 200)),
            by_parameter=chance.random() < 0.3,
        )
