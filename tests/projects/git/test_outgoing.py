import os

import pytest

from projects.git.added_lines import Added, added_lines
from projects.git.outgoing import find_outgoing
from projects.git.remote import fetch
from projects.git.remote_branch import remote_head
from projects.git.repository import Repository
from tests.projects.git.sample import Origin

pytestmark = pytest.mark.plumbing


@pytest.fixture
def base(repository: Repository, origin: Origin) -> str:
    return fetch(repository, origin.remote, addresses=()).head_commit


def outgoing_commit(repository: Repository, origin: Origin, files: dict[str, bytes]) -> str:
    """A commit that only the server's repository has."""
    origin.git("checkout", "-q", "-B", "elsewhere")
    commit = origin.commit(files)
    repository.run(
        ["fetch", "-q", "--no-tags", str(origin.path), "elsewhere:refs/heads/kept"],
        environment={"GIT_ALLOW_PROTOCOL": "file"},
    )
    origin.git("checkout", "-q", "trunk")
    origin.git("branch", "-q", "-D", "elsewhere")
    return commit


def added(repository: Repository, commit: str, *, enough_bytes: int = 1 << 20) -> Added:
    return added_lines(repository, commit, remote_commit=None, enough_bytes=enough_bytes)


def test_only_lines_that_are_added_count_with_their_numbers(repository: Repository, origin: Origin, base: str) -> None:
    commit = outgoing_commit(repository, origin, {"README.md": b"first\nhello\n++ last\n"})
    assert [(file.path, file.lines) for file in added(repository, commit).files] == [
        ("README.md", [(1, "first"), (3, "++ last")])
    ]


def test_names_are_as_the_files_are_called(repository: Repository, origin: Origin, base: str) -> None:
    names = ['q"\t\\', "ü", os.fsdecode(b"\xff"), "with blank", "b"]
    commit = outgoing_commit(repository, origin, dict.fromkeys(names, b"x\n"))
    assert {file.path for file in added(repository, commit).files} == {'q"\t\\', "ü", "\ufffd", "with blank", "b"}


def test_binary_and_deleted_files_add_nothing(repository: Repository, origin: Origin, base: str) -> None:
    (origin.path / "README.md").unlink()
    commit = outgoing_commit(repository, origin, {"x": b"\0binary"})
    assert [file for file in added(repository, commit).files if file.lines] == []


def test_past_the_bound_it_stops_and_says_where(repository: Repository, origin: Origin, base: str) -> None:
    commit = outgoing_commit(repository, origin, {"a": b"1\n" * 100, "b": b"2\n"})
    found = added(repository, commit, enough_bytes=100)
    assert (found.stopped_at, len(found.files[0].lines)) == ("a", 50)


def test_what_the_remote_has_is_not_outgoing(repository: Repository, origin: Origin, base: str) -> None:
    assert added(repository, base).files == ()
    found = find_outgoing(repository, base, remote_commit=None, default_branch="trunk")
    assert (found.ahead, found.behind, found.is_moved) == (0, 0, False)


def test_both_sides_are_counted(repository: Repository, origin: Origin, base: str) -> None:
    commit = outgoing_commit(repository, origin, {"mine": b"1"})
    origin.commit({"theirs": b"1"})
    fetch(repository, origin.remote, addresses=())
    found = find_outgoing(repository, commit, remote_commit=None, default_branch="trunk")
    assert (found.ahead, found.behind, found.base, found.is_moved) == (1, 1, base, False)
    assert [each.sha for each in found.commits] == [commit]


def test_a_remote_branch_at_an_unknown_commit_has_moved(repository: Repository, origin: Origin, base: str) -> None:
    commit = outgoing_commit(repository, origin, {"mine": b"1"})
    found = find_outgoing(repository, commit, remote_commit="1" * 40, default_branch="trunk")
    assert (found.is_moved, found.behind) == (True, None)


def test_the_remote_tells_where_a_branch_is(repository: Repository, origin: Origin, base: str) -> None:
    origin.git("branch", "x/trunk")
    heads = [
        remote_head(repository, origin.remote, addresses=(), branch=branch, timeout_seconds=30)
        for branch in ("trunk", "x/trunk", "unk")
    ]
    assert heads == [base, base, None]
