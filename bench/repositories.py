"""What the benches of the code index share: repositories as the server keeps them, and indexes without a database."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from projects.git.repository import Repository
from projects.indexing.building import Analysed
from projects.indexing.listing import TreeEntry
from projects.indexing.parser_pool import Parsed, Parsers
from projects.indexing.parsing import EXTRACTOR_VERSION

GIT = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "HOME": "/"}


class FreshAnalyses:
    """Every file is parsed: what a first index of a project costs."""

    version = str(EXTRACTOR_VERSION)

    def __init__(self, parsers: Parsers) -> None:
        self._parsers = parsers

    def of(self, files: Iterator[tuple[TreeEntry, bytes]]) -> Iterator[Analysed]:
        """Each file with its analysis, in the order in which they are done."""
        held: dict[str, tuple[TreeEntry, bytes]] = {}

        def wanted() -> Iterator[tuple[str, str, bytes]]:
            for entry, content in files:
                held[entry.path] = (entry, content)
                yield entry.path, entry.path, content

        for result in self._parsers.analyse(wanted()):
            entry, content = held.pop(result.key)
            yield entry, content, result.analysis() if isinstance(result, Parsed) else result.reason


def git(*arguments: str, cwd: Path) -> str:
    """What git says; bytes that are no UTF-8 are replaced."""
    command = ["git", "-c", "safe.directory=*", *arguments]
    done = subprocess.run(command, cwd=cwd, env=GIT, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


def as_the_server_keeps_it(path: Path, folder: Path) -> Repository:
    """A repository that somebody has fetched, as one of the server's, beside it; its objects are shared."""
    target = folder / f"{path.resolve().name.removesuffix('.git')}.git"
    git("clone", "--quiet", "--bare", "--shared", str(path.resolve()), str(target), cwd=folder)
    (target / "private" / "objects").mkdir(parents=True)
    return Repository(target)
