"""Runs one shell block and nothing after it: when the shell ends, or must end, its whole process group ends."""

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .output import StreamCapture

_TICK_SECONDS = 0.05
_DRAIN_SECONDS = 1.0
_LONGEST_ARGUMENT_BYTES = 96 * 1024
_PORTION_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How the shell ended: ``exit_code`` is negative for a signal, as in subprocess."""

    exit_code: int
    is_timed_out: bool
    is_cancelled: bool


@dataclass(frozen=True, slots=True)
class ShellBlock:
    """One block to run in ``folder``; ``script_path`` is where a block too long for an argument is kept."""

    script: str
    folder: Path
    script_path: Path
    timeout_seconds: float | None


class CommandNotStarted(Exception):
    """The shell could not be started; the message says why."""


def run_block(
    block: ShellBlock,
    captures: tuple[StreamCapture, StreamCapture],
    on_live: Callable[[str, str], None],
    is_cancelled: threading.Event,
) -> CommandResult:
    """Run to the end, feeding ``captures`` (stdout, stderr) and calling ``on_live(stream, text)`` on the way."""
    process = _start(block)
    try:
        return _Watch(process, captures, on_live, is_cancelled).until_end(block.timeout_seconds)
    finally:
        if process.returncode is None:
            _kill_group(process)
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _start(block: ShellBlock) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            ["/bin/sh", "-eu", *_shell_arguments(block)],
            cwd=block.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        raise CommandNotStarted(f"the shell could not be started: {error}") from None


def _shell_arguments(block: ShellBlock) -> tuple[str, ...]:
    script = block.script.encode()
    if len(script) <= _LONGEST_ARGUMENT_BYTES:
        return ("-c", block.script, "sh")
    block.script_path.write_bytes(script)
    return (str(block.script_path),)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group. Called before the shell is reaped, so that its number cannot be another's."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


class _Watch:
    """Reads both pipes of one process until it has ended and they are drained."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        captures: tuple[StreamCapture, StreamCapture],
        on_live: Callable[[str, str], None],
        is_cancelled: threading.Event,
    ) -> None:
        self._process = process
        self._captures = captures
        self._on_live = on_live
        self._is_cancelled = is_cancelled
        self._selector = selectors.DefaultSelector()
        for pipe, capture in zip(_pipes(process), captures, strict=True):
            self._selector.register(pipe, selectors.EVENT_READ, capture)

    def until_end(self, timeout_seconds: float | None) -> CommandResult:
        deadline = time.monotonic() + timeout_seconds if timeout_seconds else float("inf")
        with self._selector:
            while not self._has_ended() and not self._is_cancelled.is_set() and time.monotonic() < deadline:
                self._read(_TICK_SECONDS)
            has_ended = self._has_ended()
            _kill_group(self._process)
            self._drain()
        exit_code = self._process.wait()
        for capture in self._captures:
            self._say(capture, is_last=True)
        is_cancelled = not has_ended and self._is_cancelled.is_set()
        return CommandResult(exit_code, not has_ended and not is_cancelled, is_cancelled)

    def _has_ended(self) -> bool:
        """Whether the shell is a zombie or gone, without reaping it: its group number stays taken until then."""
        status = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return status is not None

    def _drain(self) -> None:
        """Read what the pipes still hold. A child that left the group may keep them open: it is not waited for."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while self._selector.get_map() and time.monotonic() < deadline:
            self._read(_TICK_SECONDS)

    def _read(self, timeout_seconds: float) -> None:
        if not self._selector.get_map():
            self._is_cancelled.wait(timeout_seconds)
            return
        for key, _ in self._selector.select(timeout_seconds):
            data = os.read(key.fd, _PORTION_BYTES)
            if data:
                key.data.feed(data)
            else:
                self._selector.unregister(key.fileobj)
        for capture in self._captures:
            self._say(capture)

    def _say(self, capture: StreamCapture, *, is_last: bool = False) -> None:
        if text := capture.take_live(is_last=is_last):
            self._on_live(capture.name, text)


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdout is None or process.stderr is None:
        raise ValueError("The process has no pipes")
    return process.stdout, process.stderr
