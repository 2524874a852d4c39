"""The temporary project of a check: a work tree with a repository, and a home, both the agent's own."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from projects.git.process import run_git
from runs.execution.sandbox.ownership import give_to
from runs.execution.sandbox.spec import NOBODY

README = "README.md"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a checked agent works and lives."""

    work_tree: Path
    home: Path

    def files(self) -> Mapping[str, bytes]:
        """Every file of the work tree with its content, without those of its repository."""
        paths = (path for path in self.work_tree.rglob("*") if ".git" not in path.relative_to(self.work_tree).parts)
        return {str(path.relative_to(self.work_tree)): path.read_bytes() for path in paths if path.is_file()}


@contextmanager
def temporary_place(folder: Path) -> Iterator[Place]:
    """A place below the folder, gone afterwards."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="check-", dir=folder))
    try:
        place = Place(made / "tree", made / "home")
        place.work_tree.mkdir(mode=0o700)
        (place.home / "tmp").mkdir(mode=0o700, parents=True)
        (place.work_tree / README).write_text("# A project to check an agent with\n")
        run_git(["init", "--quiet"], git_dir=place.work_tree / ".git", work_tree=place.work_tree)
        if os.geteuid() == 0:
            give_to((place.work_tree, place.home), NOBODY, NOBODY)
        yield place
    finally:
        shutil.rmtree(made, ignore_errors=True)
