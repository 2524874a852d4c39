"""What `bin/test` runs: every check in turn with its time, or pytest with the given arguments.

Goes on after a failure, so that one run tells everything; the exit status is non-zero when any stage failed.
"""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests import interpreters, postgres, process_home, sshd
from tests.agents import installing

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent
STOP_SECONDS = 15.0
SHORT_ROAD = "tests/agents/test_smoke.py"
# A Python seldom fails where an older and a newer one do not: it gets what depends most on the language and its library
# (processes, sockets, event loops), and a real server's roads from end to end.
WHOLE = {"all tests": ["--sqlite"]}
MODULES = {"sqlite": "tests.settings_sqlite", "postgres": "tests.settings_postgres"}


@dataclass
class Stages:
    """The stages run so far: name, seconds, exit status; and the environment that all of them get."""

    environment: Mapping[str, str]
    done: list[tuple[str, float, int]] = field(default_factory=list)

    def run(self, name: str, command: list[str], **environment: str) -> None:
        """Run one stage in the checkout, its output going straight through."""
        print(f"── {name}", flush=True)
        begun_at = time.monotonic()
        status = run(command, {**self.environment, **environment})
        self.done.append((name, time.monotonic() - begun_at, status))

    def summary(self) -> int:
        """Print the table of times; the exit status of the whole."""
        width = max(len(name) for name, _, _ in self.done)
        print("\n── stages")
        for name, seconds, status in self.done:
            print(f"{name:<{width}}  {seconds:7.1f} s  {'ok' if status == 0 else f'FAILED ({status})'}")
        print(f"{'all':<{width}}  {sum(seconds for _, seconds, _ in self.done):7.1f} s", flush=True)
        return int(any(status for _, _, status in self.done))


def run(command: list[str], environment: Mapping[str, str]) -> int:
    """Run a program to its end; when we are told to stop meanwhile, it stops first."""
    process = subprocess.Popen(command, cwd=ROOT, env=dict(environment))
    try:
        return process.wait()
    except BaseException:
        process.send_signal(signal.SIGINT)  # pytest then tears its fixtures down; SIGTERM would end it on the spot
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=STOP_SECONDS)
        process.kill()
        raise


def checks(stages: Stages) -> None:
    """The stages that run no test."""
    python = sys.executable
    stages.run("ruff check", [python, "-m", "ruff", "check", "."])
    stages.run("ruff format", [python, "-m", "ruff", "format", "--check", "."])
    stages.run("mypy", [python, "-m", "mypy"])
    stages.run("import contracts", [str(PROGRAMS / "lint-imports")])
    stages.run("migrations", [python, "manage.py", "makemigrations", "--check", "--dry-run"])
    stages.run("django check", [python, "manage.py", "check", "--fail-level", "WARNING"])
    stages.run("same tests", [python, "-m", "tests.collected"])


def tests_without_postgres(stages: Stages) -> None:
    """Plumbing, then the rest on SQLite, and how much of the code they reach where Python tells that at no cost."""
    is_measured = hasattr(sys, "monitoring")  # PEP 669, Python 3.12; a tracer takes half as long again
    measured = ["--cov", "--cov-report=", "--cov-fail-under=0"] if is_measured else []
    with tempfile.TemporaryDirectory(prefix="quarterdeck-coverage-") as folder:
        for name, expression in {"plumbing": "plumbing", "sqlite": "not plumbing"}.items():
            file = f"{folder}/.coverage.{name}"
            suite(stages, name, expression, "sqlite", *measured, COVERAGE_CORE="sysmon", COVERAGE_FILE=file)
        if is_measured:
            data = f"--data-file={folder}/.coverage"  # its name is also the prefix of those to combine
            coverage = [sys.executable, "-m", "coverage"]
            stages.run("coverage data", [*coverage, "combine", "--quiet", data, folder])
            stages.run("coverage floor", [*coverage, "report", data])
        else:
            print("── coverage: Python 3.12 and newer tell it, in bin/test and in bin/test --pythons")


def tests_on_postgres(stages: Stages) -> None:
    """The same tests as on SQLite, without those that are marked to be run once."""
    with postgres.server() as address:
        suite(stages, "postgres", "not plumbing and not once", "postgres", TEST_DATABASE_URL=address)


def suite(stages: Stages, name: str, expression: str, database: str, *arguments: str, **environment: str) -> None:
    """The tests that an expression of markers selects, on a database."""
    stages.run(f"tests: {name}", pytest(database, [*parallel(), "-m", expression, *arguments]), **environment)


def pytest(database: str, arguments: list[str]) -> list[str]:
    """The command line of one pytest run on a database."""
    return [sys.executable, "-m", "pytest", f"--ds={MODULES[database]}", *arguments]


def parallel() -> list[str]:
    """Two to four processes: the databases and the sandboxes need processors too."""
    return ["-q", "-n", str(max(2, min(4, os.cpu_count() or 2))), "--dist", "worksteal"]


def everything(environment: Mapping[str, str]) -> int:
    """Every stage."""
    stages = Stages(environment)
    checks(stages)
    sshd.fetch()  # what cannot be had is told by the tests that skip
    tests_without_postgres(stages)
    tests_on_postgres(stages)
    return stages.summary()


def without_postgres(environment: Mapping[str, str]) -> int:
    """The tests alone, on SQLite."""
    stages = Stages(environment)
    tests_without_postgres(stages)
    return stages.summary()


def prepare(environment: Mapping[str, str]) -> int:
    """Fetches what later stages would wait for: the environments of other Pythons, and the real agents."""
    status = 0
    for version, found in interpreters.others().items():
        if found is not None:
            status |= run([str(ROOT / "bin/test"), "--version"], {**environment, **of_python(version, found)})
    return status | run([sys.executable, "-m", "tests.agents.installing"], environment)


def of_python(version: str, interpreter: str) -> dict[str, str]:
    """The environment's variables that have `bin/test` use another Python."""
    return {"PYTHON": interpreter, "QUARTERDECK_VENV": str(ROOT / ".venvs" / version)}


def other_pythons(wholly: bool, environment: Mapping[str, str]) -> int:
    """The tests on SQLite with every other supported Python of this machine, each in an environment of its own: all of
    them with the oldest and the newest, a part with those between unless these are to be tested wholly too."""
    stages = Stages(environment)
    servers = ["-m", "not plumbing", "tests/config", "tests/flows"]
    between = {"plumbing": [*parallel(), "-m", "plumbing"], "servers": [*parallel(), *servers]}
    others = interpreters.others()
    for version, found in others.items():
        if found is None:
            print(f"── Python {version}: not on this machine, not tried")
            continue
        parts = WHOLE if wholly or version in interpreters.ends(others) else between
        for part, arguments in parts.items():
            stages.run(f"Python {version}: {part}", [str(ROOT / "bin/test"), *arguments], **of_python(version, found))
    return stages.summary() if stages.done else 0


def real_agents(arguments: list[str], environment: Mapping[str, str]) -> int:
    """The tests of real agents, of those named first if any, with the caller's other arguments for pytest: their whole
    road on SQLite, then the shorter one on PostgreSQL. Two processes, each with one agent at a time."""
    named = list(itertools.takewhile(lambda argument: argument in (*installing.ALL_AGENTS, "all"), arguments))
    arguments = arguments[len(named) :]
    if named:
        keys = installing.ALL_AGENTS if "all" in named else named
        environment = {**environment, installing.VARIABLE: " ".join(keys)}
    stages = Stages(environment)
    stages.run("agents: installing", [sys.executable, "-m", "tests.agents.installing"])
    command = ["-q", "-n", "2", "--dist", "loadscope", "-m", "agents", "-o", "faulthandler_timeout=600", *arguments]
    stages.run("agents: sqlite", pytest("sqlite", [*command, "tests/agents"]))
    with postgres.server() as address:
        stages.run("agents: postgres", pytest("postgres", [*command, SHORT_ROAD]), TEST_DATABASE_URL=address)
    return stages.summary()


def rounds(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Rounds of chance against the event log and its stream, so many as the arguments say, on each database or, with
    `--database`, on one."""
    databases = list(MODULES)
    if "--database" in arguments:
        place = arguments.index("--database")
        databases = arguments[place + 1 : place + 2]
        arguments = arguments[:place] + arguments[place + 2 :]
    stages = Stages(environment)
    command = [sys.executable, "-m", "tests.rounds", *arguments]
    for database in databases:
        with postgres.server() if database == "postgres" else contextlib.nullcontext("") as address:
            variables = {"TEST_DATABASE_URL": address} if address else {}
            stages.run(f"rounds: {database}", command, DJANGO_SETTINGS_MODULE=MODULES[database], **variables)
    return stages.summary()


def in_browser(arguments: list[str], environment: Mapping[str, str]) -> int:
    """The tests of what a browser shows, with the caller's other arguments for pytest: one browser, one process."""
    stages = Stages(environment)
    stages.run("browser: installing", [sys.executable, "-m", "tests.browser.installing"])
    command = ["-q", "-m", "browser", *arguments, "tests/browser"]
    stages.run("browser: tests", pytest("sqlite", command))
    return stages.summary()


def selected(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Pytest with the caller's arguments on SQLite, with --postgres on PostgreSQL."""
    if "--postgres" not in arguments:
        return run(pytest("sqlite", arguments), environment)
    arguments.remove("--postgres")
    with postgres.server() as address:
        return run(pytest("postgres", arguments), {**environment, "TEST_DATABASE_URL": address})


@contextlib.contextmanager
def stop_signals_as_exceptions() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind like Ctrl-C does, so that everything started is stopped."""

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)


WITHOUT_ARGUMENTS: dict[tuple[str, ...], Callable[[Mapping[str, str]], int]] = {
    (): everything,
    ("--sqlite",): without_postgres,
    ("--sshd",): lambda _environment: sshd.main(),
    ("--prepare",): prepare,
    ("--pythons",): partial(other_pythons, False),
    ("--pythons", "all"): partial(other_pythons, True),
}


def main(arguments: list[str]) -> int:
    """Choose by the arguments; the exit status."""
    with stop_signals_as_exceptions(), tempfile.TemporaryDirectory(prefix="quarterdeck-stages-") as home:
        environment = {**process_home.cleared(dict(os.environ)), "QUARTERDECK_HOME": home}
        for words, whole in WITHOUT_ARGUMENTS.items():
            if tuple(arguments) == words:
                return whole(environment)
        if arguments[0] == "--agents":
            return real_agents(arguments[1:], environment)
        if arguments[0] == "--browser":
            return in_browser(arguments[1:], environment)
        if arguments[0] == "--fuzz":
            return run([sys.executable, "-m", "tests.fuzz", *arguments[1:]], environment)
        if arguments[0] == "--rounds":
            return rounds(arguments[1:], environment)
        return selected(arguments, environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
