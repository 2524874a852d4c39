"""Measures how fast Quarterdeck starts and begins a run, and its memory; a missed goal is printed, never an error.

`.venv/bin/python bench/start.py [--runs N]`, from any folder. It serves from a temporary folder, touches nothing else.
"""

import argparse
import os
import queue
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil

ROOT = Path(__file__).resolve().parent.parent
EMAIL, PASSWORD = "bench@localhost.localdomain", secrets.token_urlsafe(12)
PROMPT = "Three steps.\n\n```file note.txt\nhello\n```\n```sh\ncat note.txt\n```\n```append note.txt\nbye\n```\n"
SLEEPING_PROMPT = "Waiting now.\n\n```sleep 30\n```\n"
AGENT_EVENTS = frozenset({"agent_message", "agent_thought", "plan_updated", "tool_started", "command_started"})
ENDED = frozenset({"run_completed", "run_failed", "run_cancelled"})
IMPORTS = (
    ("python -c pass", ["-c", "pass"]),
    ('python -c "import django"', ["-c", "import django"]),
    ("manage.py version (all apps loaded)", ["manage.py", "version"]),
)
WAIT_SECONDS = 60.0
SETTLE_SECONDS = 5.0
POLL_SECONDS = 0.05  # asking costs the server processor time, which is scarce just then
MEBIBYTE = 1024**2


class BenchFailed(Exception):
    """Something did not work, so there is nothing to measure; the text says what."""


@dataclass
class Table:
    """Rows of the result: what, how much, the goal beside it."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, what: str, value: float, unit: str, goal: float | None = None) -> None:
        """One measured value; with a goal it is met at or below it."""
        digits = 0 if unit == "MB" else 3
        verdict = "" if goal is None else "met" if value <= goal else "MISSED"
        self.rows.append((what, f"{value:.{digits}f} {unit}", "" if goal is None else f"≤ {goal:g} {unit}", verdict))

    def least(self, what: str, value: float, unit: str, goal: float) -> None:
        """One measured value whose goal is met at or above it."""
        verdict = "met" if value >= goal else "MISSED"
        self.rows.append((what, f"{value:.0f} {unit}", f"≥ {goal:g} {unit}", verdict))

    def show(self) -> None:
        """Prints the rows in columns."""
        rows = [("what", "measured", "goal", ""), *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        for what, value, goal, verdict in rows:
            print(f"{what:<{widths[0]}}  {value:>{widths[1]}}  {goal:>{widths[2]}}  {verdict}".rstrip())


class Server:
    """`config.serve` on the embedded default, with data, operator and port of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.address = f"http://127.0.0.1:{self.port}"
        self.processor_seconds = 0.0
        self._log = folder / "serve.log"
        self.home = folder / "home"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("QUARTERDECK_")}
        inherited.pop("DATABASE_URL", None)
        self.environment = {
            **inherited,
            "QUARTERDECK_HOME": str(self.home),
            "QUARTERDECK_PARAM_SAFETY_ALLOW_LOCAL_REPOSITORIES": "true",
            "QUARTERDECK_PARAM_LIMITS_DEFAULT_PER_MINUTE": "1000000",
            "QUARTERDECK_PARAM_LIMITS_RUN_START_PER_MINUTE": "1000000",
            "QUARTERDECK_PARAM_LIMITS_STREAM_OPENS_PER_MINUTE": "1000000",
            "DJANGO_SUPERUSER_EMAIL": EMAIL,
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        }

    @contextmanager
    def running(self) -> Iterator[float]:
        """Serves while the body runs; gives the seconds from the start of the process to a ready `/readyz`."""
        begun_at = time.monotonic()
        command = [sys.executable, "-m", "config.serve", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            self._wait_until_ready()
            seconds = time.monotonic() - begun_at
            self.processor_seconds = processor_seconds(self.processes())
            yield seconds
        finally:
            self.process.terminate()
            self.process.wait(30)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        with httpx.Client(trust_env=False, timeout=5) as client:
            while time.monotonic() < deadline and self.process.poll() is None:
                try:
                    if client.get(f"{self.address}/readyz").status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                time.sleep(POLL_SECONDS)
        raise BenchFailed(f"the server did not get ready:\n{self._log.read_text()}")

    def processes(self) -> list[psutil.Process]:
        """Every process of the deployment."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]


def processor_seconds(processes: Sequence[psutil.Process]) -> float:
    """Seconds of one processor that they have used: what a start costs whatever else the machine does meanwhile."""
    times = [process.cpu_times() for process in processes]
    return sum(each.user + each.system for each in times)


def memory_mb(processes: Sequence[psutil.Process]) -> tuple[float, float]:
    """Sums of resident memory (shared pages once a process) and of proportional memory (each page once in all)."""
    resident, proportional = 0, 0
    for process in processes:
        try:
            found = process.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        resident += found.rss
        proportional += getattr(found, "pss", 0)  # Linux alone counts it
    return resident / MEBIBYTE, proportional / MEBIBYTE


@dataclass(frozen=True)
class Event:
    """An event of the stream with the client's own time of its arrival."""

    arrived_at: float
    kind: str
    created_at: float


class Client:
    """The bench's operator: signs in, makes a project, runs prompts and listens."""

    def __init__(self, address: str, token: str = "") -> None:
        self._address = address
        self._http = httpx.Client(base_url=f"{address}/api", trust_env=False, timeout=WAIT_SECONDS)
        token = token or self.call("POST", "/auth/token", {"email": EMAIL, "password": PASSWORD})["token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def elevated(self, ability: str) -> "Client":
        """The same person with an ability that takes the password once more."""
        token = self.call("POST", "/auth/elevate", {"password": PASSWORD, "abilities": [ability]})["token"]
        return Client(self._address, token)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request; a rate limit is waited for, any other refusal ends the bench."""
        while True:
            answer = self._http.request(method, path, json=body)
            if answer.status_code != 429:
                break
            time.sleep(float(answer.headers.get("Retry-After", "5")))
        if answer.is_error:
            raise BenchFailed(f"{method} {path}: {answer.status_code} {answer.text}")
        found: dict[str, Any] = answer.json()
        return found

    def make_project(self, repository: Path) -> int:
        """A project with its clone; its id."""
        project = self.call("POST", "/projects", {"name": "Bench", "repositoryUrl": str(repository)})
        deadline = time.monotonic() + WAIT_SECONDS
        while project["status"] != "ready":
            if project["status"] == "error" or time.monotonic() > deadline:
                raise BenchFailed(f"the clone failed: {project['error']}")
            time.sleep(0.05)
            project = self.call("GET", f"/projects/{project['id']}")
        return int(project["id"])

    def make_run(self, project: int, prompt: str) -> str:
        """A draft; its path."""
        body = {"projectId": project, "title": "Bench", "prompt": prompt, "selectedAgent": "script", "safeMode": False}
        return f"/runs/{self.call('POST', '/runs', body)['id']}"

    @contextmanager
    def listening(self, run: str) -> Iterator["queue.Queue[Event]"]:
        """The run's events as they arrive; the stream is open before the body begins."""
        arrived: queue.Queue[Event] = queue.Queue()
        with self._http.stream("GET", f"{run}/events/stream") as stream:
            lines = stream.iter_lines()
            next(line for line in lines if line.startswith("data: "))  # run_created: the stream is live from here
            thread = threading.Thread(target=_listen, args=(lines, arrived), daemon=True)
            thread.start()
            yield arrived
            thread.join(WAIT_SECONDS)


def _listen(lines: Iterator[str], arrived: "queue.Queue[Event]") -> None:
    for line in lines:
        if line.startswith("data: "):
            now, event = time.monotonic(), orjson.loads(line.removeprefix("data: "))
            created_at = datetime.fromisoformat(event["createdAt"]).timestamp()
            arrived.put(Event(now, event["eventType"], created_at))
            if event["eventType"] in ENDED:
                return


def timed_run(client: Client, project: int) -> tuple[float, list[Event]]:
    """One run from start to end: the moment before the start was sent, and the events."""
    run = client.make_run(project, PROMPT)
    events: list[Event] = []
    with client.listening(run) as arrived:
        started_at = time.monotonic()
        client.call("POST", f"{run}/start")
        while not events or events[-1].kind not in ENDED:
            events.append(arrived.get(timeout=WAIT_SECONDS))
    if events[-1].kind != "run_completed":
        raise BenchFailed(f"a run ended with {events[-1].kind}")
    return started_at, events


def first(events: Sequence[Event], kinds: frozenset[str]) -> Event:
    """The first event of one of these kinds."""
    return next(event for event in events if event.kind in kinds)


def measure_imports(table: Table, environment: dict[str, str], times: int = 7) -> None:
    """Fresh processes, medians, with their ratio to a Python that does nothing."""
    empty_seconds = 0.0
    for name, arguments in IMPORTS:
        seconds = statistics.median(_seconds_of([sys.executable, *arguments], environment) for _ in range(times))
        empty_seconds = empty_seconds or seconds
        table.add(f"{name}  ({seconds / empty_seconds:.1f} times nothing)", seconds, "s")


def _seconds_of(command: list[str], environment: dict[str, str]) -> float:
    begun_at = time.monotonic()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return time.monotonic() - begun_at


def measure_runs(table: Table, client: Client, project: int, runs: int) -> None:
    """Medians over the runs: by the client's clock, by the events' own times, and from event to event."""
    timed = [timed_run(client, project) for _ in range(runs)]
    points = (
        ("start → run_started", frozenset({"run_started"}), 0.3),
        ("start → first event of the agent", AGENT_EVENTS, 1.5),
        ("start → run_completed, three steps", frozenset({"run_completed"}), 3.0),
    )
    for name, kinds, goal in points:
        by_client = sorted(first(events, kinds).arrived_at - at for at, events in timed)
        table.add(f"{name}: p50 at the client", statistics.median(by_client), "s", goal)
        table.add(f"{name}: slowest at the client", by_client[-1], "s")
        by_event = [first(events, kinds).created_at - events[0].created_at for _, events in timed]
        table.add(f"{name}: p50 by createdAt", statistics.median(by_event), "s")
    table.add("POST …/start → run_queued: p50", statistics.median(e[0].arrived_at - at for at, e in timed), "s")
    show_course([events for _, events in timed])


def show_course(timed: Sequence[Sequence[Event]]) -> None:
    """Where the time goes: for each kind of event its first moment after run_queued, median of all runs."""
    print("\nCourse of a run (first event of each kind, median seconds after run_queued, by createdAt):")
    moments: dict[str, float] = {}
    for kind in dict.fromkeys(event.kind for event in timed[0]):
        firsts = [(events[0], event) for events in timed if (event := _find(events, kind))]
        moments[kind] = statistics.median(event.created_at - queued.created_at for queued, event in firsts)
    for kind, seconds in sorted(moments.items(), key=lambda moment: moment[1]):
        print(f"  {seconds:7.3f}  {kind}")


def _find(events: Sequence[Event], kind: str) -> Event | None:
    return next((event for event in events if event.kind == kind), None)


def measure_memory(table: Table, server: Server, client: Client, project: int) -> None:
    """The idle deployment, then what a run's sandbox adds while its agent sleeps."""
    time.sleep(SETTLE_SECONDS)
    idle = server.processes()
    resident, proportional = memory_mb(idle)
    table.add(f"idle deployment, {len(idle)} processes: sum of PSS", proportional, "MB", 400)
    table.add(f"idle deployment, {len(idle)} processes: sum of RSS", resident, "MB")
    run = client.make_run(project, SLEEPING_PROMPT)
    with client.listening(run) as arrived:
        client.call("POST", f"{run}/start")
        while arrived.get(timeout=WAIT_SECONDS).kind not in AGENT_EVENTS:
            pass
        sandbox = [process for process in server.processes() if process not in idle]
        resident, proportional = memory_mb(sandbox)
        client.call("POST", f"{run}/cancel")
    table.add(f"sandbox of a sleeping run, {len(sandbox)} processes: sum of PSS", proportional, "MB")
    table.add(f"sandbox of a sleeping run, {len(sandbox)} processes: sum of RSS", resident, "MB")


def make_repository(folder: Path) -> Path:
    """A small bare repository to clone."""
    work, bare = folder / "work", folder / "remote.git"
    work.mkdir()
    (work / "README.md").write_text("# Bench\n")
    identity = ["-c", "user.name=Bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], [*identity, "commit", "-q", "-m", "First"]):
        subprocess.run(["git", *arguments], cwd=work, check=True)
    subprocess.run(["git", "clone", "-q", "--bare", "--no-local", str(work), str(bare)], check=True)
    return bare


def measure(folder: Path, runs: int) -> None:
    """Everything, in turn."""
    table, server = Table(), Server(folder)
    with server.running() as first_seconds:
        pass
    measure_imports(table, server.environment)
    table.add("config.serve → ready, on an empty home", first_seconds, "s")
    warm, processor = [], []
    for _ in range(3):
        with server.running() as seconds:
            warm.append(seconds)
            processor.append(server.processor_seconds)
    table.add("config.serve → ready, warm, median of 3", statistics.median(warm), "s", 3.0)
    table.add("config.serve → ready, warm, processor time of all its processes", statistics.median(processor), "s")
    with server.running():
        client = Client(server.address)
        project = client.make_project(make_repository(folder))
        measure_runs(table, client, project, runs)
    with server.running():
        measure_memory(table, server, Client(server.address), project)
    print()
    table.show()


def main() -> int:
    """0 when everything could be measured, whatever the figures."""
    parser = argparse.ArgumentParser(description="Measures start-up, the beginning of runs, and memory.")
    parser.add_argument("--runs", type=int, default=12, help="runs to take the medians of (default: %(default)s)")
    arguments = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} beforehand")
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-", ignore_cleanup_errors=True) as folder:
        try:
            measure(Path(folder), max(1, arguments.runs))
        except BenchFailed as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
