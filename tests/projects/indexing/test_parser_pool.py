"""Parsing in processes of their own: a hostile file costs itself and nothing else."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from projects.indexing.parser_pool import UNPARSED, Parsed, Parsers, Unparsed
from projects.indexing.parser_worker import Limits, ParserUnavailable
from projects.indexing.parsing import analyse
from projects.indexing.skipping import BINARY, MAX_FILE_BYTES
from tests.processes import alive

pytestmark = pytest.mark.plumbing
ROOT = Path(__file__).resolve().parents[3]
SLOW = b"f(a, \n" * (MAX_FILE_BYTES // 6)
"""Half a second of work, at least."""


def results(pool: Parsers, files: list[tuple[str, bytes]]) -> dict[str, Parsed | Unparsed]:
    return {one.key: one for one in pool.analyse((path, path, content) for path, content in files)}


def children() -> list[psutil.Process]:
    return psutil.Process().children()


def test_every_file_gets_what_analyse_finds() -> None:
    files = [(f"{number}.py", b"def f%d(): pass\n" % number) for number in range(300)]
    with Parsers(2) as pool:
        found = results(pool, files)
    assert {path: one.analysis() for path, one in found.items() if isinstance(one, Parsed)} == {
        path: analyse(path, content) for path, content in files
    }


def test_a_pool_is_used_again() -> None:
    with Parsers(1) as pool:
        assert len(results(pool, [("a.py", b"x = 1\n")])) == len(results(pool, [("b.py", b"y = 1\n")])) == 1


def test_no_files_start_no_process() -> None:
    before = children()
    with Parsers(2) as pool:
        assert results(pool, []) == {}
        assert children() == before


def test_what_is_not_to_be_parsed_says_why() -> None:
    with Parsers(1) as pool:
        assert results(pool, [("a.py", b"\0")]) == {"a.py": Unparsed("a.py", BINARY, is_final=True)}


def test_a_file_that_takes_too_long_costs_itself() -> None:
    files = [("a.py", b"x = 1\n"), ("slow.cs", SLOW), ("b.py", b"y = 1\n"), ("c.py", b"z = 1\n")]
    with Parsers(1, Limits(seconds=0.15)) as pool:
        results(pool, [("warm.cs", b"class A {}\n"), ("warm.py", b"x = 1\n")])
        found = results(pool, files)
    assert found["slow.cs"] == Unparsed("slow.cs", f"{UNPARSED}it took longer than 0.15 s", is_final=False)
    assert all(isinstance(found[path], Parsed) for path in ("a.py", "b.py", "c.py"))


def test_a_file_that_takes_too_much_memory_costs_itself() -> None:
    files = [("a.py", b"x = 1\n"), ("large.cs", SLOW), ("b.py", b"y = 1\n")]
    with Parsers(1, Limits(memory_bytes=96 << 20)) as pool:
        found = results(pool, files)
    assert isinstance(found["large.cs"], Unparsed)
    assert found["large.cs"].reason.startswith(UNPARSED)
    assert all(isinstance(found[path], Parsed) for path in ("a.py", "b.py"))


def test_a_process_that_stands_still_is_ended() -> None:
    """It gets no time of the processor at all: stopped, as by a debugger."""
    with Parsers(1, Limits(seconds=0.2)) as pool:
        before = children()
        results(pool, [("warm.py", b"x = 1\n")])
        (process,) = [child for child in children() if child not in before]
        process.suspend()
        found = results(pool, [("a.py", b"x = 1\n"), ("b.py", b"y = 1\n")])
    assert isinstance(found["a.py"], Unparsed)
    assert isinstance(found["b.py"], Parsed)


def test_a_process_that_was_killed_between_two_uses_is_started_again() -> None:
    with Parsers(1) as pool:
        before = children()
        results(pool, [("a.py", b"x = 1\n")])
        (process,) = [child for child in children() if child not in before]
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert isinstance(results(pool, [("b.py", b"y = 1\n")])["b.py"], Parsed)


def test_where_no_process_comes_up_that_is_said_and_no_file_is_blamed() -> None:
    with Parsers(2, Limits(memory_bytes=1 << 20)) as pool, pytest.raises(ParserUnavailable):
        results(pool, [("a.py", b"x = 1\n")])


def test_results_that_nobody_wants_any_more_end_the_work() -> None:
    def endless() -> Iterator[tuple[str, str, bytes]]:
        while True:
            yield "a", "a.py", b"x = 1\n"

    with Parsers(2) as pool:
        found = pool.analyse(endless())
        assert isinstance(next(found), Parsed)
        found.close()
        assert isinstance(results(pool, [("b.py", b"y = 1\n")])["b.py"], Parsed)


HOLD = """
import os, sys
from projects.indexing.parser_pool import Parsers
with Parsers(1) as pool:
    for result in pool.analyse([("a", "a.py", b"x = 1")]):
        print(pool._workers[0]._process.pid, flush=True)
        sys.stdin.read()
"""


def test_the_processes_end_with_a_killed_parent() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLD], cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        until = time.monotonic() + 10
        while alive([worker]):
            assert time.monotonic() < until
            time.sleep(0.01)
