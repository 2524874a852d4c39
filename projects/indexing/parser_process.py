"""The process in which files are parsed: it reads batches from its standard input and answers file by file.

Started by parser_pool.py as a program of its own, with no environment and no rights but to think: a file that takes too
long or too much memory ends the process, by the system's own hand, and nothing else. It ends with its input; while it
works on a file, at the latest when that file's time is over.
"""

import os
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import BinaryIO

COUNT = struct.Struct("<I")
REQUEST = struct.Struct("<HI")
"""The sizes of the path kind and of the content, which follow."""
ANSWER = struct.Struct("<BI")
"""One of the three below, and the size of what follows."""
READY, PARSED, LEFT_OUT, FAILED = range(4)
NICENESS = 5


def main() -> None:
    """Parse until the input ends. Arguments: seconds a file, bytes of address space."""
    seconds, memory_bytes = float(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    _import()
    source, target = sys.stdin.buffer, sys.stdout.buffer
    _answer(target, READY, b"")
    while files := _read_batch(source):
        for kind, content in files:
            _answer(target, *_within(seconds, kind, content))


def _import() -> None:
    """Before it says that it is ready: what cannot even load must not look like a file's fault."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from projects.indexing import packed, parsing, skipping  # noqa: F401


def _within(seconds: float, kind: str, content: bytes) -> tuple[int, bytes]:
    """The timer's signal is not caught: it ends this process even where the grammar is in an endless loop."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return _analyse(kind, content)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _analyse(kind: str, content: bytes) -> tuple[int, bytes]:
    from projects.indexing.packed import pack
    from projects.indexing.parsing import analyse_as
    from projects.indexing.skipping import content_reason

    reason = content_reason(content)
    if reason is not None:
        return LEFT_OUT, reason.encode()
    try:
        return PARSED, pack(analyse_as(kind, content))
    except Exception as error:
        return FAILED, type(error).__name__.encode()


def _read_batch(source: BinaryIO) -> list[tuple[str, bytes]]:
    """All of it, before the first answer: who sends it does not read meanwhile. Empty at the end of the input."""
    files = []
    for _ in range(COUNT.unpack(_read(source, COUNT.size))[0]):
        kind_size, content_size = REQUEST.unpack(_read(source, REQUEST.size))
        files.append((_read(source, kind_size).decode(), _read(source, content_size)))
    return files


def _read(source: BinaryIO, size: int) -> bytes:
    read = source.read(size)
    if len(read) < size:
        sys.exit(0)
    return read


def _answer(target: BinaryIO, status: int, payload: bytes) -> None:
    target.write(ANSWER.pack(status, len(payload)) + payload)
    target.flush()


if __name__ == "__main__":
    main()
