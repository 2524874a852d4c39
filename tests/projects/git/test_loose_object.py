"""An object that is written without git is the very one that git would have written."""

import os
from pathlib import Path

import pytest

from projects.git.loose_object import write_loose_object
from projects.git.repository import Repository, create_repository

pytestmark = pytest.mark.plumbing


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return create_repository(tmp_path / "r")


def test_git_reads_it_by_the_same_name(repository: Repository) -> None:
    content = b"line\n\0\xff" * 1000
    name = write_loose_object(repository.private_objects, "blob", content)
    assert repository.run(["hash-object", "--stdin"], standard_input=content).decode().strip() == name
    assert repository.run(["cat-file", "blob", name]) == content
    assert repository.run(["fsck", "--full", "--no-dangling"]) == b""


def test_nobody_can_change_it(repository: Repository) -> None:
    name = write_loose_object(repository.private_objects, "blob", b"x")
    (written,) = repository.private_objects.glob("??/*")
    assert (written.parent.name + written.name, written.stat().st_mode & 0o777) == (name, 0o444)


def test_one_that_is_there_counts_as_written_now(repository: Repository) -> None:
    """Whoever removes old objects that nothing names goes by this time."""
    write_loose_object(repository.private_objects, "blob", b"x")
    (written,) = repository.private_objects.glob("??/*")
    os.utime(written, (1, 1))
    write_loose_object(repository.private_objects, "blob", b"x")
    assert written.stat().st_mtime > 1
