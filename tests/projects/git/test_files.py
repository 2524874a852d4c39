"""Files of a commit, read without a work tree."""

import pytest

from projects.git.files import list_files, read_blob
from projects.git.remote import fetch
from projects.git.repository import Repository
from tests.projects.git.sample import Origin

pytestmark = pytest.mark.plumbing
STRANGE = 'a\nb\t"c" é.md'


@pytest.fixture
def head(repository: Repository, origin: Origin) -> str:
    """A commit with ordinary files, an executable, a link and a folder."""
    (origin.path / "link.md").symlink_to("/etc/passwd")
    origin.commit({"run.sh": b"#!/bin/sh\n", STRANGE: b"\xff\r\n"})
    origin.git("update-index", "--chmod=+x", "run.sh")
    origin.git("commit", "--quiet", "--message", "executable")
    return fetch(repository, origin.remote, addresses=()).head_commit


def test_ordinary_files_are_listed_with_their_sizes(repository: Repository, head: str) -> None:
    found = list_files(repository, head, ["README.md", "run.sh", "src/app.py", STRANGE])
    assert {file.path: file.size_bytes for file in found} == {
        "README.md": 6,
        "run.sh": 10,
        "src/app.py": 12,
        STRANGE: 3,
    }


@pytest.mark.parametrize("path", ["link.md", "src", "missing.md", "*.md", "README.md/x"])
def test_what_is_no_ordinary_file_is_not_listed(repository: Repository, head: str, path: str) -> None:
    assert list_files(repository, head, [path]) == []


def test_a_file_is_read_byte_for_byte(repository: Repository, head: str) -> None:
    [file] = list_files(repository, head, [STRANGE])
    assert read_blob(repository, file.blob) == b"\xff\r\n"


@pytest.mark.parametrize("name", ["HEAD", "--batch", "refs/heads/main", ""])
def test_only_full_ids_are_taken(repository: Repository, name: str) -> None:
    with pytest.raises(ValueError, match="full"):
        read_blob(repository, name)
    with pytest.raises(ValueError, match="full"):
        list_files(repository, name, ["README.md"])
