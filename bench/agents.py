"""Measures what the road of a run adds to a bare agent, cancels, the recording of updates, and an idle worker's memory.

`.venv/bin/python bench/agents.py [--agent KEY …] [--turns N] [--cancels N] [--updates N]`, from any folder. It serves
from a temporary folder. Agents besides the built-in one must be in the cache (`bin/test --agents`); their model is a
scripted one on loopback. A missed goal is printed, never an error.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.bare_agent import bare_run  # noqa: E402
from bench.start import (  # noqa: E402
    AGENT_EVENTS,
    ENDED,
    BenchFailed,
    Client,
    Event,
    Server,
    Table,
    first,
    make_repository,
    memory_mb,
)
from tests.agents.installing import lend  # noqa: E402

BUILT_IN = "script"
VENDORS = {"claude": "anthropic", "gemini": "google"}  # all others here speak OpenAI's
SCRIPT_PROMPT = "Three steps.\n\n```file note.txt\nhello\n```\n```sh\ncat note.txt\n```\nbye\n"
MODEL_PROMPT = "Three steps.\n\n@@write note.txt|hello\n@@sh cat note.txt\n@@say bye\n"
ENDLESS = "tail -f README.md"
FLOOD = Path(__file__).with_name("flooding_agent.py")
WAIT_SECONDS = 120.0
SETTLE_SECONDS = 5.0


@dataclass(frozen=True)
class Measured:
    """One agent: its key, and how prompts are worded for it."""

    key: str

    @property
    def has_model(self) -> bool:
        return self.key != BUILT_IN

    @property
    def vendor(self) -> str:
        return VENDORS.get(self.key, "openai")

    @property
    def prompt(self) -> str:
        return MODEL_PROMPT if self.has_model else SCRIPT_PROMPT

    @property
    def endless_prompt(self) -> str:
        return f"@@sh {ENDLESS}" if self.has_model else f"```sh\n{ENDLESS}\n```"


class Bench:
    """A server with its client, a project, and the scripted model behind the agents."""

    def __init__(self, folder: Path, server: Server, model_url: str) -> None:
        self.folder, self.server, self.model_url = folder, server, model_url
        self.client = Client(server.address)
        self.project = self.client.make_project(make_repository(folder))

    def enable(self, key: str) -> None:
        """Lets runs be given to the agent."""
        if key != BUILT_IN:
            self.client.elevated("settings:write").call("PUT", f"/settings/providers/{key}", {"enabled": True})

    def make_run(self, agent: str, prompt: str, *, has_model: bool) -> str:
        """A draft; its path."""
        body = {"projectId": self.project, "title": "Bench", "prompt": prompt, "selectedAgent": agent}
        body |= {"safeMode": False, "selectedModel": "scripted" if has_model else None}
        return f"/runs/{self.client.call('POST', '/runs', body)['id']}"

    def run(self, agent: str, prompt: str, *, has_model: bool) -> list[Event]:
        """One run from start to end; its events from run_queued on."""
        run = self.make_run(agent, prompt, has_model=has_model)
        events: list[Event] = []
        with self.client.listening(run) as arrived:
            self.client.call("POST", f"{run}/start")
            while not events or events[-1].kind not in ENDED:
                events.append(arrived.get(timeout=WAIT_SECONDS))
        if events[-1].kind != "run_completed":
            raise BenchFailed(f"a run of {agent} ended so: {self.client.call('GET', run)['error']}")
        return events

    def workers(self) -> list[psutil.Process]:
        """The server's processes that do not listen: workers."""
        children = psutil.Process(self.server.process.pid).children()
        return [child for child in children if not child.net_connections("tcp")]

    def has_sandbox(self) -> bool:
        """Whether any worker has a child."""
        return any(worker.children() for worker in self.workers())


def bare(bench: Bench, agent: Measured, number: int) -> tuple[float, float]:
    """The same agent by itself, in a folder of its own, with the model asked directly."""
    from runs.execution.agents.profile import ModelAccess, Setting
    from runs.execution.agents.registry import PROFILES
    from settings_params.installations import installed

    place = bench.folder / f"bare-{agent.key}-{number}"
    tree, home = place / "tree", place / "home"
    for folder in (tree, home / "tmp"):
        folder.mkdir(parents=True)
    (tree / "README.md").write_text("# Bench\n")
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    found = installed(bench.server.home / "agents", agent.key)
    access = ModelAccess(bench.model_url, "token", agent.vendor, "scripted") if agent.has_model else None
    setting = Setting(sys.executable, found.folder if found else None, home, tree, is_safe=False, access=access)
    profile = PROFILES[agent.key]
    for path, text in profile.files(setting).items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
    environment = {"HOME": str(home), "TMPDIR": str(home / "tmp"), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    environment |= profile.environment(setting)
    mode = profile.mode(is_safe=False)
    return asyncio.run(bare_run(profile.command(setting), environment, tree, mode, agent.prompt))


def measure_road(table: Table, bench: Bench, agent: Measured, turns: int) -> None:
    """Bare and by a run, in turns, so that other work meets both; the medians of the turns' ratios."""
    starts, wholes, seconds = [], [], []
    for number in range(turns + 1):
        bare_start, bare_whole = bare(bench, agent, number)
        events = bench.run(agent.key, agent.prompt, has_model=agent.has_model)
        if number == 0:
            continue  # nobody's caches were warm
        begun_at = first(events, frozenset({"run_started"})).created_at
        starts.append((first(events, AGENT_EVENTS).created_at - begun_at) / bare_start)
        wholes.append((events[-1].created_at - begun_at) / bare_whole)
        seconds.append((bare_start, bare_whole, events[-1].created_at - begun_at))
    start, whole, run = (statistics.median(column) for column in zip(*seconds, strict=True))
    table.add(f"{agent.key}: bare, start of the process to what it tells first", start, "s")
    table.add(f"{agent.key}: bare, whole turn", whole, "s")
    table.add(f"{agent.key}: run, run_started to run_completed", run, "s")
    table.add(f"{agent.key}: start of a run / bare", statistics.median(starts), "times", 1.15)
    table.add(f"{agent.key}: whole run / bare", statistics.median(wholes), "times", 1.1)


def measure_cancels(table: Table, bench: Bench, agent: Measured, times: int) -> None:
    """From the request to the moment when no process of the agent is left."""
    taken = []
    for _ in range(times):
        run = bench.make_run(agent.key, agent.endless_prompt, has_model=agent.has_model)
        with bench.client.listening(run) as arrived:
            bench.client.call("POST", f"{run}/start")
            while (kind := arrived.get(timeout=WAIT_SECONDS).kind) != "command_started":
                if kind in ENDED:
                    raise BenchFailed(f"a run of {agent.key} that was to be cancelled ended with {kind}")
            begun_at = time.monotonic()
            bench.client.call("POST", f"{run}/cancel")
            while bench.has_sandbox():
                time.sleep(0.01)
            taken.append(time.monotonic() - begun_at)
    last = statistics.quantiles(taken, n=20, method="inclusive")[-1] if len(taken) > 1 else taken[0]
    table.add(f"{agent.key}: cancel to no process left, median of {times}", statistics.median(taken), "s")
    table.add(f"{agent.key}: cancel to no process left, p95", last, "s", 1.0)


def measure_recording(table: Table, bench: Bench, updates: int) -> None:
    """A run whose agent tells so many things as fast as it can: events of it a second, by their own times."""
    bench.enable("flood")
    events = bench.run("flood", str(updates), has_model=False)
    told = [event.created_at for event in events if event.kind in ("tool_started", "tool_finished")]
    if len(told) != updates:
        raise BenchFailed(f"{updates} updates became {len(told)} events")
    begun_at = first(events, frozenset({"run_started"})).created_at
    table.least(f"{updates} updates recorded, first to last", updates / (told[-1] - told[0]), "events/s", 5000)
    table.add(f"{updates} updates: run_started to run_completed", events[-1].created_at - begun_at, "s")


def measure_memory(table: Table, bench: Bench) -> None:
    """Each worker after all those runs, at rest."""
    time.sleep(SETTLE_SECONDS)
    readings = [memory_mb([worker]) for worker in bench.workers()]
    resident, proportional = (max(column) for column in zip(*readings, strict=True))
    table.add(f"the largest of {len(readings)} idle workers: RSS", resident, "MB", 120)
    table.add(f"the largest of {len(readings)} idle workers: PSS", proportional, "MB")


@contextmanager
def model_server() -> Iterator[str]:
    """The scripted model server as a program; its address."""
    command = [sys.executable, "-m", "runs.execution.model_server"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None:
                raise BenchFailed("the model server has no stdout")
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def variables(model_url: str) -> Mapping[str, str]:
    """The server params of the bench."""
    from runs.execution.interpreter import interpreter_folders

    flood = {
        "key": "flood",
        "name": "Flood",
        "command": [sys.executable, "-I", str(FLOOD)],
        "safeMode": "",
        "folders": [*map(str, interpreter_folders()), str(FLOOD)],
    }
    param = "QUARTERDECK_PARAM_PROVIDERS_"
    named = {f"{param}{vendor.upper()}_BASE_URL": model_url for vendor in ("anthropic", "openai", "google")}
    named |= {f"{param}{vendor.upper()}_MODELS": '["scripted"]' for vendor in ("anthropic", "openai", "google")}
    return {**named, f"{param}CUSTOM_AGENTS": json.dumps([flood])}


def measure(folder: Path, arguments: argparse.Namespace) -> None:
    """Everything, in turn."""
    table, server = Table(), Server(folder)
    agents = [Measured(key) for key in arguments.agent or [BUILT_IN]]
    if any(agent.has_model for agent in agents):
        lend(server.home)
    with model_server() as model_url:
        server.environment |= variables(model_url)
        with server.running():
            bench = Bench(folder, server, model_url)
            for agent in agents:
                bench.enable(agent.key)
                measure_road(table, bench, agent, max(1, arguments.turns))
                measure_cancels(table, bench, agent, max(1, arguments.cancels))
            measure_recording(table, bench, arguments.updates)
            measure_memory(table, bench)
    print()
    table.show()


def main() -> int:
    """0 when everything could be measured, whatever the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--agent", action="append", help="an agent's key; may be given again (default: script)")
    parser.add_argument("--turns", type=int, default=5, help="of bare agent and run (default: %(default)s)")
    parser.add_argument("--cancels", type=int, default=20, help="cancelled runs of each (default: %(default)s)")
    parser.add_argument("--updates", type=int, default=10_000, help="of the flooding agent (default: %(default)s)")
    arguments = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} beforehand")
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-", ignore_cleanup_errors=True) as folder:
        try:
            measure(Path(folder), arguments)
        except BenchFailed as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
