"""One process that parses, as its parent holds it: started, fed, listened to, ended."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from projects.indexing.parser_process import ANSWER, COUNT, READY, REQUEST

_PROGRAM = Path(__file__).with_name("parser_process.py")
_READ_BYTES = 1 << 20
TOO_SLOW = "it took longer than {seconds:g} s"
DIED = "its parser died, or needed more than {memory} MB of memory"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one file may take: seconds of the processor, and address space of the process that parses it."""

    seconds: float = 5.0
    memory_bytes: int = 512 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """A file to be parsed."""

    key: str
    kind: str
    content: bytes


class ParserUnavailable(Exception):
    """No process that parses comes up: the machine's fault, not a file's."""


class WorkerDied(Exception):
    """The process has ended while it had work; says why, in words about the file."""


class Worker:
    """A process, or the place for one. `pending` are the files that it has been sent and has not answered."""

    def __init__(self, limits: Limits) -> None:
        self.pending: deque[Request] = deque()
        self.answered_at = 0.0
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._is_late = False
        self._received = bytearray()

    @property
    def descriptor(self) -> int:
        """Becomes readable with an answer, and at the end of the process."""
        stream = self._process.stdout if self._process else None
        if stream is None:
            raise ParserUnavailable("The parser is not running.")
        return stream.fileno()

    def send(self, batch: Sequence[Request]) -> None:
        """Give it work, starting it first where it is not there. Raises ParserUnavailable."""
        if not batch:
            return
        process = self._running()
        self.pending.extend(batch)
        self.answered_at = time.monotonic()
        pieces: list[bytes] = [COUNT.pack(len(batch))]
        for request in batch:
            kind = request.kind.encode()
            pieces += [REQUEST.pack(len(kind), len(request.content)), kind, request.content]
        with contextlib.suppress(BrokenPipeError):  # it is dead: its output says so
            _write(process, b"".join(pieces))

    def answers(self) -> Iterator[tuple[Request, int, bytes]]:
        """What it has answered meanwhile, when its descriptor is readable. Raises WorkerDied."""
        received = os.read(self.descriptor, _READ_BYTES)
        self._received += received
        while self.pending and (answer := self._take()) is not None:
            self.answered_at = time.monotonic()
            yield (self.pending.popleft(), *answer)
        if self.pending and not received:
            raise WorkerDied(self._cause())

    def kill_late(self) -> None:
        """End it, since it has not answered in time; its death is then found as any other."""
        self._is_late = True
        if self._process is not None:
            self._process.kill()

    def bury(self) -> list[Request]:
        """End it for certain; what it has not answered, the file that it was at first."""
        left = list(self.pending)
        self.stop()
        return left

    def stop(self) -> None:
        """End it, whatever it does."""
        self.pending.clear()
        self._received.clear()
        self._is_late = False
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._process is None:
            self._process = self._start()
        return self._process

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-I", _PROGRAM, str(self._limits.seconds), str(self._limits.memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it could quote what it reads
            bufsize=0,
            cwd="/",
            env={},
            start_new_session=True,
        )
        first = process.stdout.read(ANSWER.size) if process.stdout else b""
        if first != ANSWER.pack(READY, 0):
            _end(process)
            raise ParserUnavailable("The process that parses files does not start.")
        return process

    def _take(self) -> tuple[int, bytes] | None:
        if len(self._received) < ANSWER.size:
            return None
        status, size = ANSWER.unpack_from(self._received)
        if len(self._received) < ANSWER.size + size:
            return None
        payload = bytes(self._received[ANSWER.size : ANSWER.size + size])
        del self._received[: ANSWER.size + size]
        return status, payload

    def _cause(self) -> str:
        code = self._process.wait() if self._process else 0
        if self._is_late or code == -signal.SIGPROF:
            return TOO_SLOW.format(seconds=self._limits.seconds)
        return DIED.format(memory=self._limits.memory_bytes >> 20)


def _write(process: subprocess.Popen[bytes], data: bytes) -> None:
    """All of it: the process reads a whole batch before it answers."""
    rest = memoryview(data)
    while rest and process.stdin is not None:
        rest = rest[os.write(process.stdin.fileno(), rest) :]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
