"""Parses many files in processes of their own, on several cores: a hostile file costs itself and nothing else."""

import select
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Self

from projects.indexing.languages import path_kind
from projects.indexing.packed import unpack
from projects.indexing.parser_process import FAILED, LEFT_OUT, PARSED
from projects.indexing.parser_worker import Limits, Request, Worker, WorkerDied
from projects.indexing.shapes import FileAnalysis

BATCH_BYTES = 256 * 1024
BATCH_FILES = 64
WALL_FACTOR = 6
"""A file's time is counted in the processor's seconds; where it does not get any, this many times as long is waited."""

UNPARSED = "could not be parsed: "


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's analysis, packed as the cache keeps it."""

    key: str
    packed: bytes

    def analysis(self) -> FileAnalysis:
        """The analysis, unpacked."""
        return unpack(self.packed)


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A file without an analysis, and why. `is_final`: its bytes will never have one (else it may be tried again)."""

    key: str
    reason: str
    is_final: bool


class Parsers:
    """Processes that parse, started when there is work for them. A context manager: they end with it.

    For one thread: it gives the files, takes the results, and its end is theirs.
    """

    def __init__(self, workers: int = 2, limits: Limits = Limits()) -> None:  # noqa: B008 (frozen)
        self._limits = limits
        self._workers = [Worker(limits) for _ in range(workers)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.stop()

    def analyse(self, files: Iterable[tuple[str, str, bytes]]) -> Generator[Parsed | Unparsed, None, None]:
        """The result of every file, given as key, path and content; in the order in which they are done.

        At most two batches of files a worker are held. Raises ParserUnavailable where no process comes up at all.
        """
        requests = (Request(key, path_kind(path), content) for key, path, content in files)
        try:
            while self._feed(requests):
                for worker in self._that_have_answered():
                    yield from self._results(worker)
        finally:
            for worker in self._workers:
                if worker.pending:
                    worker.stop()

    def _feed(self, requests: Iterator[Request]) -> bool:
        """Gives every idle worker a batch while there are files; False when all is done."""
        for worker in self._workers:
            if not worker.pending:
                worker.send(_batch(requests))
        return any(worker.pending for worker in self._workers)

    def _that_have_answered(self) -> list[Worker]:
        """Waits until some have, or have died. Ends those whose file's time is over: they are found dead then."""
        busy = {worker.descriptor: worker for worker in self._workers if worker.pending}
        patience = self._limits.seconds * WALL_FACTOR
        poll = select.poll()
        for descriptor in busy:
            poll.register(descriptor, select.POLLIN)
        until = min(worker.answered_at for worker in busy.values()) + patience
        ready = [busy[descriptor] for descriptor, _ in poll.poll(max(0.0, until - time.monotonic()) * 1000)]
        for worker in busy.values():
            if worker not in ready and worker.answered_at + patience <= time.monotonic():
                worker.kill_late()
        return ready

    def _results(self, worker: Worker) -> Iterator[Parsed | Unparsed]:
        """The answers that are there; the file on which a worker died has none, and the rest of its batch goes on."""
        try:
            for request, status, payload in worker.answers():
                yield _result(request.key, status, payload)
        except WorkerDied as death:
            culprit, *others = worker.bury()
            yield Unparsed(culprit.key, f"{UNPARSED}{death}", is_final=False)
            worker.send(others)


def _batch(requests: Iterator[Request]) -> list[Request]:
    batch: list[Request] = []
    size = 0
    for request in islice(requests, BATCH_FILES):
        batch.append(request)
        size += len(request.content)
        if size >= BATCH_BYTES:
            break
    return batch


def _result(key: str, status: int, payload: bytes) -> Parsed | Unparsed:
    if status == PARSED:
        return Parsed(key, payload)
    reason = payload.decode()
    return Unparsed(key, reason if status == LEFT_OUT else f"{UNPARSED}{reason}", is_final=status in (LEFT_OUT, FAILED))
