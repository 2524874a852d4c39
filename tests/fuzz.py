"""Fuzzes a server of our own, on loopback and with data that is thrown away, by schemathesis and its stateful links.

`bin/test --fuzz [--examples N] [--seed N] [schemathesis' own options …]`. What is left out or allowed, and why, stands
in schemathesis.toml. A line of the server's log that tells of an error fails the run too.
"""

import argparse
import os
import random
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests import process_home
from tests.fuzz_world import World

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(sys.executable).parent / "schemathesis"
OPERATOR, COLLEAGUE = "operator@example.com", "colleague@example.com"
READY_SECONDS, STOP_SECONDS = 180.0, 20.0
LIMITS = ("DEFAULT_PER_MINUTE", "RUN_START_PER_MINUTE", "STREAM_OPENS_PER_MINUTE", "SETTINGS_WRITES_PER_MINUTE")
MANY = "1000000"


@dataclass(frozen=True)
class Target:
    """A running server, and what the fuzzer must know of it."""

    address: str
    environment: Mapping[str, str]
    log: Path


def _environment(home: Path) -> dict[str, str]:
    cleared = process_home.cleared(dict(os.environ))
    return {
        **{name: value for name, value in cleared.items() if name not in ("DATABASE_URL", "REDIS_URL")},
        **{f"QUARTERDECK_PARAM_LIMITS_{name}": MANY for name in (*LIMITS, "LOGINS_PER_MINUTE")},
        "QUARTERDECK_PARAM_SAFETY_ALLOW_LOCAL_REPOSITORIES": "true",
        "QUARTERDECK_PARAM_SAFETY_AUTO_GIT_PUSH": "true",
        "QUARTERDECK_PARAM_RUNS_CONCURRENCY": "3",  # one of them has a run that never ends
        "QUARTERDECK_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DJANGO_SUPERUSER_EMAIL": OPERATOR,
        "DJANGO_SUPERUSER_PASSWORD": secrets.token_urlsafe(12),
    }


@contextmanager
def server(folder: Path) -> Iterator[Target]:
    """A ready server; stopped at the end, whatever happens."""
    port = _free_port()
    target = Target(f"http://127.0.0.1:{port}", _environment(folder / "home"), folder / "serve.log")
    command = [sys.executable, "-m", "config.serve", "--port", str(port)]
    with target.log.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=dict(target.environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _wait_until_ready(process, target)
        yield target
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(process: "subprocess.Popen[bytes]", target: Target) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{target.address}/readyz", trust_env=False, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"The server did not get ready:\n{target.log.read_text()}")


def _manage(target: Target, *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=dict(target.environment), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _add_person(target: Target, email: str) -> None:
    environment = {**target.environment, "DJANGO_SUPERUSER_EMAIL": email}
    command = [sys.executable, "manage.py", "createsuperuser", "--noinput"]
    subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)


def _prepare(target: Target, folder: Path) -> tuple[World, dict[str, str]]:
    """The world that is fuzzed, and a token of every ability, as variables of the environment."""
    token = _manage(target, "create_token", OPERATOR, "--ability", "*")
    _add_person(target, COLLEAGUE)
    world = World(target.address, token, folder)
    world.make()
    spare = _manage(target, "create_token", OPERATOR).partition("|")[0]
    people = {"email": OPERATOR, "password": target.environment["DJANGO_SUPERUSER_PASSWORD"], "colleague": COLLEAGUE}
    world.made |= people
    return world, {"FUZZ_TOKEN": token, "FUZZ_SPARE_TOKEN": spare}


def _told_of_errors(log: Path) -> list[str]:
    """The log's lines that no fuzzing may cause."""
    return [line for line in log.read_text().splitlines() if "Traceback" in line or " ERROR " in line]


def fuzz(examples: int, seed: int, options: list[str]) -> int:
    """One run; the exit status. Seed and log's end are printed, so that a failure can be had again."""
    print(f"── schemathesis: {examples} examples an operation, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="quarterdeck-fuzz-") as folder, server(Path(folder)) as target:
        world, tokens = _prepare(target, Path(folder))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **tokens, **world.export()}
        command = [
            *(str(PROGRAM), "--config-file", str(ROOT / "schemathesis.toml"), "run", f"{target.address}/api/schema"),
            *("--max-examples", str(examples), "--seed", str(seed), *options),
        ]
        status = subprocess.run(command, cwd=folder, env=environment, check=False).returncode
        if not any(each.startswith(("--include", "--exclude")) for each in options):
            print("── every server param, now that nothing comes after", flush=True)
            command += ["--include-operation-id", "settings_server_params_update", "--phases", "coverage,fuzzing"]
            environment |= world.export(every_param=True)
            status |= subprocess.run(command, cwd=folder, env=environment, check=False).returncode
        httpx.get(f"{target.address}/readyz", trust_env=False, timeout=20).raise_for_status()
        errors = _told_of_errors(target.log)
        if status or errors:
            print("\n".join(["── the server's log", *target.log.read_text().splitlines()[-200:]]))
    return status or int(bool(errors))


def main(arguments: list[str]) -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="bin/test --fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=100, help="test cases an operation (default: 100)")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="to have a run again")  # noqa: S311
    known, options = parser.parse_known_args(arguments)
    return fuzz(known.examples, known.seed, options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
