"""A program of its own that reads a repository's code: apart from the server, as parsers meet hostile text here.

Its argument is a folder as `generating` fills it. It ends with its standard input, which says nothing. For each
document a line comes out: `{"slug", "text", "facts"}` or `{"slug", "problem"}`. A document that takes too long, too
much memory or fails is told of, and the next one begins. The server ends it where that does not help.
"""

import json
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from config.lifeline import hold_to
from docs_mgmt.generators.stages import STAGES, Findings, read_findings

STAGE_SECONDS = 60
CPU_SECONDS = 200
MEMORY_BYTES = 2 << 30
OUTPUT_BYTES = 256 << 20
MAX_TEXT_CHARACTERS = 2 << 20
MAX_LINE_BYTES = 32 << 20


class _TooLong(Exception):
    """A stage's time is over."""


def main() -> None:
    """Does one stage after the other."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_BYTES, OUTPUT_BYTES))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    hold_to(sys.stdin.fileno())
    findings = read_findings(Path(sys.argv[1]))
    for slug, stage in STAGES.items():
        _tell(slug, _outcome(stage, findings))


def _outcome(stage: Callable[[Findings], Mapping[str, Any]], findings: Findings) -> Mapping[str, Any]:
    try:
        with _limited():
            return _bounded(stage(findings))
    except _TooLong:
        return {"problem": f"Reading the code took longer than {STAGE_SECONDS} seconds."}
    except MemoryError:
        return {"problem": "Reading the code took more memory than there is for it."}
    except RecursionError:
        return {"problem": "The code is nested too deep to be read."}
    except Exception as error:  # a fault of ours: the server logs it by its kind, never with the code's text
        return {"problem": "Reading the code failed inside the server.", "fault": _where(error)}


def _bounded(made: Mapping[str, Any]) -> Mapping[str, Any]:
    """A text that nobody would read is left out; what it was made of may be wanted all the same."""
    if len(made["text"]) <= MAX_TEXT_CHARACTERS:
        return made
    problem = f"The text would have more than {MAX_TEXT_CHARACTERS} characters: there is too much to be told."
    return {**made, "text": "", "problem": problem}


@contextmanager
def _limited() -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise _TooLong

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, STAGE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _where(error: Exception) -> str:
    """The kind of the error and the line of ours that it came from."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "?" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
    return f"{type(error).__name__} at {place}"


def _tell(slug: str, outcome: Mapping[str, Any]) -> None:
    line = json.dumps({"slug": slug, **outcome})
    if len(line) > MAX_LINE_BYTES:
        line = json.dumps({"slug": slug, "problem": "There is more to be told of the code than can be kept."})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
