"""Keeps the processes of one server running and ends them together; it knows no Django and refuses to leave any behind.

Children are forked, so the parent imports everything once and shares the memory. Each child leads its own
process group (Ctrl-C reaches only the supervisor, and a dead child's programs can be ended with it) and
holds to the supervisor by a lifeline pipe (config/lifeline.py).
"""

import contextlib
import gc
import logging
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from config import lifeline

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
WATCHED_SIGNALS = {*STOP_SIGNALS, signal.SIGCHLD}
READY_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Child:
    """A process to keep running: its name in messages and what it does; the result is its exit status."""

    name: str
    target: Callable[[], int]


@dataclass(frozen=True)
class Limits:
    """How patient the supervisor is."""

    first_backoff_seconds: float = 0.5
    longest_backoff_seconds: float = 30
    failures: int = 5
    window_seconds: float = 60
    stop_seconds: float = 10


def print_line(text: str) -> None:
    """Tell the operator; a closed terminal is no reason to stop serving."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"quarterdeck: {text}\n")
        sys.stderr.flush()


def supervise(
    children: Sequence[Child],
    *,
    is_ready: Callable[[], bool] = lambda: True,
    on_ready: Callable[[], None] = lambda: None,
    limits: Limits | None = None,
    report: Callable[[str], None] = print_line,
) -> int:
    """Run the children until SIGTERM, SIGINT or SIGHUP (0), or until one keeps failing (1, with the reason reported).

    `is_ready` is asked every 50 ms after the start until it says yes, then `on_ready` is called once.
    Call it from the main thread of a process without other threads and without open database connections.
    """
    if not hasattr(os, "fork"):
        report("this platform cannot fork processes. Serve from Linux or macOS (on Windows: WSL).")
        return 1
    return Supervisor(children, is_ready, on_ready, limits or Limits(), report).run()


@dataclass
class Kept:
    """A child with its present process and its past failures (monotonic seconds)."""

    child: Child
    pid: int | None = None
    start_at: float = 0.0
    failures: int = 0
    failed_at: deque[float] = field(default_factory=deque)


class Supervisor:
    """The loop: sleep until a signal or a deadline, reap, start what is due, stop when told."""

    def __init__(
        self,
        children: Sequence[Child],
        is_ready: Callable[[], bool],
        on_ready: Callable[[], None],
        limits: Limits,
        report: Callable[[str], None],
    ) -> None:
        self.kept = [Kept(child) for child in children]
        self.is_ready, self.on_ready, self.limits, self.report = is_ready, on_ready, limits, report
        self.has_been_ready = False
        self.is_told_to_stop = False
        self.reason = ""

    def run(self) -> int:
        """Supervise until told to stop or a child keeps failing; the exit status of the server."""
        self.lifeline_end, self.lifeline = os.pipe()
        gc.collect()
        gc.freeze()  # the collector would otherwise touch, and so copy, every page shared with the children
        with self._signals_waking() as self.wake:
            try:
                while not self.is_told_to_stop and not self.reason:
                    self._start_due()
                    self._announce_when_ready()
                    self._sleep(self._seconds_to_next_deadline())
                    self._reap()
            finally:
                self._stop_all()
                os.close(self.lifeline)
                os.close(self.lifeline_end)
        if self.reason:
            self.report(self.reason)
        return 1 if self.reason else 0

    @contextlib.contextmanager
    def _signals_waking(self) -> Iterator[socket.socket]:
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        previous = {number: signal.signal(number, self._note) for number in WATCHED_SIGNALS}
        previous_wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(previous_wakeup)
            for number, handler in previous.items():
                signal.signal(number, handler)
            reader.close()
            writer.close()

    def _note(self, number: int, _frame: object) -> None:
        self.is_told_to_stop = self.is_told_to_stop or number in STOP_SIGNALS

    def _sleep(self, seconds: float | None) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.wake, selectors.EVENT_READ)
            if selector.select(seconds):
                with contextlib.suppress(BlockingIOError):
                    self.wake.recv(4096)

    def _seconds_to_next_deadline(self) -> float | None:
        starts = [kept.start_at for kept in self.kept if kept.pid is None]
        seconds = [max(0.0, at - time.monotonic()) for at in starts]
        if not self.has_been_ready:
            seconds.append(READY_POLL_SECONDS)
        return min(seconds, default=None)

    def _announce_when_ready(self) -> None:
        if not self.has_been_ready and self.is_ready():
            self.has_been_ready = True
            self.on_ready()

    def _start_due(self) -> None:
        for kept in self.kept:
            if kept.pid is None and kept.start_at <= time.monotonic() and not self.is_told_to_stop:
                self._start(kept)

    def _start(self, kept: Kept) -> None:
        """Fork. Signals wait meanwhile: one that came between fork and reset would be lost in the child."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED_SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                self._become(kept.child)
            with contextlib.suppress(OSError):  # the child does the same: whichever comes first
                os.setpgid(pid, pid)
            kept.pid, kept.start_at = pid, time.monotonic()
        except OSError as error:
            self._note_failure(kept, f"could not be started ({error.strerror})")
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED_SIGNALS)

    def _become(self, child: Child) -> NoReturn:
        """In the forked process: cut the ties to the supervisor's signals and its end of the pipe, then do the work."""
        status = 1
        try:
            with contextlib.suppress(OSError):
                os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            for number in WATCHED_SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            os.close(self.lifeline)
            self.wake.close()
            lifeline.hold_to(self.lifeline_end)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED_SIGNALS)
            status = child.target()
        except SystemExit as request:
            status = request.code if isinstance(request.code, int) else int(request.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            _leave(status)

    def _reap(self) -> None:
        while (ended := _next_ended()) is not None:
            pid, how = ended
            for kept in self.kept:
                if kept.pid == pid:
                    kept.pid = None
                    self._note_failure(kept, how)

    def _note_failure(self, kept: Kept, how: str) -> None:
        """Decide when the child starts again, or that it has failed too often."""
        if self.is_told_to_stop or self.reason:
            return
        now = time.monotonic()
        if now - kept.start_at >= self.limits.window_seconds:
            kept.failures = 0
        kept.failures += 1
        kept.failed_at.append(now)
        while kept.failed_at[0] < now - self.limits.window_seconds:
            kept.failed_at.popleft()
        if len(kept.failed_at) >= self.limits.failures:
            self.reason = (
                f"stopped: {kept.child.name} failed {len(kept.failed_at)} times "
                f"within {self.limits.window_seconds:g} s; the last time it {how}."
            )
            return
        delay = min(self.limits.first_backoff_seconds * 2 ** (kept.failures - 1), self.limits.longest_backoff_seconds)
        kept.start_at = now + delay
        self.report(f"{kept.child.name} {how}; starting it again in {delay:g} s.")

    def _stop_all(self) -> None:
        """SIGTERM to every child, SIGKILL to the groups of those that are left when the patience ends."""
        self.is_told_to_stop = True
        for kept in self.kept:
            if kept.pid is not None:
                os.kill(kept.pid, signal.SIGTERM)
        deadline = time.monotonic() + self.limits.stop_seconds
        while self._any_left() and (left_seconds := deadline - time.monotonic()) > 0:
            self._sleep(left_seconds)
            self._reap()
        for kept in self.kept:
            if kept.pid is not None:
                self.report(f"{kept.child.name} did not stop within {self.limits.stop_seconds:g} s; killing it.")
                os.killpg(kept.pid, signal.SIGKILL)
        while self._any_left():
            self._sleep(1.0)
            self._reap()

    def _any_left(self) -> bool:
        self._reap()
        return any(kept.pid is not None for kept in self.kept)


def _next_ended() -> tuple[int, str] | None:
    """Reap one dead child, after killing what is left of its group: until then its id cannot be another's."""
    try:
        seen = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if seen is None:
        return None
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(seen.si_pid, signal.SIGKILL)
    os.waitpid(seen.si_pid, 0)
    if seen.si_code == os.CLD_EXITED:
        return seen.si_pid, f"ended with exit status {seen.si_status}"
    return seen.si_pid, f"was ended by {signal.Signals(seen.si_status).name}"


def _leave(status: int) -> NoReturn:
    """End without the parent's exit handlers, which are not this process's to run."""
    with contextlib.suppress(Exception):
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)
