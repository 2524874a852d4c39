"""Generates the texts of a tree's documents: the files are laid out, and a process of their own reads them."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from docs_mgmt.generators.laid_out import INDEXED, lay_out
from docs_mgmt.generators.managed import PROJECT_MAP
from docs_mgmt.generators.project_map import MapFile, render_project_map
from docs_mgmt.generators.stages import STAGES
from projects.git.repository import Repository
from projects.indexing.shapes import FileLink, IndexedFile

SCRATCH = "reading-code"
"""What callers name the folder that the files are laid out in, beside what they generate for."""

READING_SECONDS = 240.0
LOOK_EVERY_SECONDS = 0.2
_ROOT = Path(__file__).resolve().parents[2]
_CHILD = "docs_mgmt.generators.child"
_NOT_DONE = "Reading the code was ended: it took too long, or more memory than there is for it."


class GeneratingStopped(Exception):
    """The caller must stop: nothing was generated."""


@dataclass(frozen=True)
class GeneratedText:
    """The auto-block of one document and what it was made of; or why there is none. `fault` is for the log alone."""

    slug: str
    text: str = ""
    facts: Any = None
    problem: str = ""
    fault: str = ""


def generate(
    repository: Repository,
    tree: str,
    *,
    map_files: Iterable[MapFile],
    files: Sequence[IndexedFile],
    links: Sequence[FileLink],
    scratch: Path,
    must_stop: Callable[[], bool] = lambda: False,
) -> list[GeneratedText]:
    """One text for each generated document. Raises GitError, OSError, GeneratingStopped.

    `scratch` is a folder of this caller alone, outside of any work tree: made, and removed with what a killed one left.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    try:
        lay_out(repository, tree, scratch)
        (scratch / INDEXED).write_bytes(orjson.dumps({"files": files, "links": links}))
        found = {text.slug: text for text in _read_apart(scratch, must_stop)}
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    texts = [GeneratedText(PROJECT_MAP.slug, render_project_map(map_files))]
    return texts + [found.get(slug, GeneratedText(slug, problem=_NOT_DONE)) for slug in STAGES]


def _read_apart(folder: Path, must_stop: Callable[[], bool]) -> list[GeneratedText]:
    """What the process told before its end. Its standard input ends when we do, and so does it."""
    held_by, holder = os.pipe()
    try:
        with tempfile.TemporaryFile() as answer:
            process = subprocess.Popen(
                [sys.executable, "-m", _CHILD, os.fspath(folder)],
                stdin=held_by,
                stdout=answer,
                stderr=subprocess.DEVNULL,  # it could quote what it reads
                cwd=_ROOT,
                env={"PYTHONDONTWRITEBYTECODE": "1"},
                start_new_session=True,
            )
            _await(process, must_stop)
            answer.seek(0)
            return [GeneratedText(**message) for message in _messages(answer)]
    finally:
        os.close(held_by)
        os.close(holder)


def _await(process: "subprocess.Popen[bytes]", must_stop: Callable[[], bool]) -> None:
    """Until it ends, or is to be ended."""
    left_seconds = READING_SECONDS
    try:
        while left_seconds > 0:
            if must_stop():
                raise GeneratingStopped
            try:
                process.wait(LOOK_EVERY_SECONDS)
            except subprocess.TimeoutExpired:
                left_seconds -= LOOK_EVERY_SECONDS
            else:
                return
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _messages(answer: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Whole lines only: the last one may have been cut off."""
    for line in answer:
        if line.endswith(b"\n"):
            yield json.loads(line)
