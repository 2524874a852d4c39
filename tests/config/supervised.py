"""A small server for the supervisor's tests: `python -m tests.config.supervised CHILD …`.

Prints one line a process, `name pid`, `ready` when all have started once, and what the supervisor reports on
standard error. CHILD is one of the functions below.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from config.home_lock import HomeLockTaken, acquire_home_lock
from config.supervisor import Child, Limits, supervise


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def steady() -> int:
    say(f"steady {os.getpid()}")
    while True:
        signal.pause()


def stubborn() -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(f"stubborn {os.getpid()}")
    while True:
        signal.pause()


def clean() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    say(f"clean {os.getpid()}")
    while True:
        signal.pause()


def slow_to_stop() -> int:
    def stop(*_: object) -> None:
        time.sleep(0.4)
        say("slow_to_stop stopped")
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    say(f"slow_to_stop {os.getpid()}")
    while True:
        signal.pause()


def with_program() -> int:
    program = subprocess.Popen(["sleep", "600"])
    say(f"program {program.pid}")
    say(f"with_program {os.getpid()}")
    while True:
        signal.pause()


def crashing() -> int:
    say(f"crashing {os.getpid()}")
    return 3


def raising() -> int:
    raise RuntimeError("the reason in a traceback")


CHILDREN: dict[str, Callable[[], int]] = {
    work.__name__: work for work in (steady, stubborn, clean, slow_to_stop, with_program, crashing, raising)
}


def main() -> int:
    limits = Limits(first_backoff_seconds=0.05, stop_seconds=float(os.environ.get("STOP_SECONDS", "10")))
    if lock := os.environ.get("LOCK"):
        try:
            acquire_home_lock(Path(lock), wait_seconds=float(os.environ.get("LOCK_WAIT_SECONDS", "5")))
        except HomeLockTaken as error:
            say(str(error))
            return 1
    children = [Child(name, CHILDREN[name]) for name in sys.argv[1:]]
    return supervise(children, on_ready=lambda: say("ready"), limits=limits)


if __name__ == "__main__":
    sys.exit(main())
