"""The end of a process whose parent is gone: it watches an inherited pipe and refuses to outlive the pipe's writer."""

import contextlib
import os
import signal
import threading
import time

GRACE_SECONDS = 1.5


def hold_to(read_descriptor: int, grace_seconds: float = GRACE_SECONDS) -> threading.Thread:
    """Watch a pipe from a daemon thread: at its end of file SIGTERM, after the grace SIGKILL, to this process.

    A process that leads its own group takes the group along (the programs it started). Nothing is ever
    written to the pipe; the kernel closes its other end however the writer dies.
    """
    watcher = threading.Thread(target=_watch, args=(read_descriptor, grace_seconds), name="lifeline", daemon=True)
    watcher.start()
    return watcher


def _watch(read_descriptor: int, grace_seconds: float) -> None:
    while os.read(read_descriptor, 1):
        pass
    _signal_own(signal.SIGTERM)
    time.sleep(grace_seconds)
    _signal_own(signal.SIGKILL)


def _signal_own(number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), number)
        else:
            os.kill(os.getpid(), number)
