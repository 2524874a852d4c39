"""A remote controls every byte of what it sends: bombs, lies and damage are refused, and change nothing."""

import random
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from projects.git.errors import FetchTooLarge, GitError, OutOfMemory, RemoteRefused
from projects.git.remote import MAXIMUM_BRANCHES, fetch
from projects.git.repository import REMOTE_REFS, Repository
from projects.git.urls import parse_remote_url
from tests.projects.git.lying import (
    KINDS,
    commit_of,
    delta_bomb,
    entry_of,
    lying_remote,
    object_id,
    pack_objects,
    pack_of,
    packed,
)
from tests.projects.git.remotes import http_server

pytestmark = pytest.mark.plumbing
FILE = b"content\n"
TREE = entry_of("100644", b"file", object_id("blob", FILE))
COMMIT = commit_of(object_id("tree", TREE))
HEAD = object_id("commit", COMMIT)
HONEST = [("commit", COMMIT), ("tree", TREE), ("blob", FILE)]
TERABYTE = 1 << 40


def fetch_lies(
    repository: Repository, pack: bytes, names: tuple[str, ...] = ("refs/heads/trunk",), max_bytes: int | None = None
) -> str:
    answer = lying_remote([(HEAD, name) for name in names], pack)
    with http_server(answer) as base:
        remote = parse_remote_url(f"{base}/x.git", allow_local=False, allow_private_hosts=True)
        return fetch(repository, remote, addresses=("127.0.0.1",), timeout_seconds=30, max_bytes=max_bytes).head_commit


def test_an_honest_pack_comes_through(repository: Repository) -> None:
    """Shows that what the others prove is not the test server's own fault."""
    assert fetch_lies(repository, pack_objects(HONEST)) == HEAD


def a_delta_that_unfolds_to_sixteen_gigabytes() -> bytes:
    return delta_bomb(16_000_000, 1000)


def a_tree_that_claims_a_terabyte() -> bytes:
    return pack_of([packed(KINDS["tree"], TERABYTE, TREE)])


@pytest.mark.parametrize("bomb", [a_delta_that_unfolds_to_sixteen_gigabytes, a_tree_that_claims_a_terabyte])
def test_a_bomb_is_refused_before_it_takes_the_memory(repository: Repository, bomb: Callable[[], bytes]) -> None:
    with pytest.raises(OutOfMemory):
        fetch_lies(repository, bomb())
    assert repository.refs("refs/") == {}


def test_more_than_may_be_written_is_refused_and_does_not_stay(repository: Repository) -> None:
    noise = random.Random(1).randbytes(2_000_000)  # noqa: S311 - it shall not be compressible, no more
    with pytest.raises(FetchTooLarge):
        fetch_lies(repository, pack_objects([*HONEST, ("blob", noise)]), max_bytes=1_000_000)
    assert repository.refs("refs/") == {}
    assert fetch_lies(repository, pack_objects(HONEST), max_bytes=1_000_000) == HEAD
    assert list((repository.objects / "pack").glob("tmp_*")) == []


def a_file_that_claims_a_terabyte() -> bytes:
    return pack_of([packed(KINDS["blob"], TERABYTE, FILE)])


def a_file_larger_than_it_claims() -> bytes:
    return pack_of([packed(KINDS["blob"], 1, bytes(1_000_000))])


def more_promised_than_sent() -> bytes:
    return pack_of([packed(KINDS["blob"], len(FILE), FILE)], claimed=4_000_000_000)


def a_wrong_checksum() -> bytes:
    return pack_objects(HONEST)[:-1] + b"\0"


def half_of_it() -> bytes:
    return pack_objects(HONEST)[:60]


def no_pack_at_all() -> bytes:
    return b"<html>Log in</html>"


def a_commit_without_its_tree() -> bytes:
    return pack_objects(HONEST[:1])


def a_tree_without_its_file() -> bytes:
    return pack_objects(HONEST[:2])


def other_objects_than_promised() -> bytes:
    return pack_objects([("blob", b"something else\n")])


DAMAGES = [
    a_file_that_claims_a_terabyte,
    a_file_larger_than_it_claims,
    more_promised_than_sent,
    a_wrong_checksum,
    half_of_it,
    no_pack_at_all,
    a_commit_without_its_tree,
    a_tree_without_its_file,
    other_objects_than_promised,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_pack_is_refused_and_moves_no_branch(repository: Repository, damage: Callable[[], bytes]) -> None:
    with pytest.raises(GitError):
        fetch_lies(repository, damage())
    assert repository.refs(REMOTE_REFS) == {}


def test_after_a_damaged_pack_an_honest_one_is_taken(repository: Repository) -> None:
    with pytest.raises(GitError):
        fetch_lies(repository, a_tree_without_its_file())
    assert fetch_lies(repository, pack_objects(HONEST)) == HEAD


@pytest.mark.parametrize(
    "name",
    [
        "refs/heads/../../../config",
        "refs/heads/../../hooks/post-checkout",
        "refs/heads//etc/passwd",
        "refs/heads/x.lock",
        "refs/heads/a..b",
        "refs/heads/\x1b[2J",
        "refs/heads/@{1}",
        "refs/quarterdeck/snapshots/1",
        "HEAD.lock",
    ],
)
def test_a_hostile_name_of_a_branch_writes_nothing_outside(repository: Repository, name: str) -> None:
    before = sorted(path for path in repository.path.rglob("*") if "objects" not in path.parts)
    try:
        fetch_lies(repository, pack_objects(HONEST), ("refs/heads/trunk", name))
    except GitError:
        assert repository.refs("refs/") == {}
    written = {path for path in repository.path.rglob("*") if "objects" not in path.parts} - set(before)
    assert all("refs" in path.relative_to(repository.path).parts for path in written if path.is_file())
    assert set(repository.refs("refs/")) <= {REMOTE_REFS + "HEAD", REMOTE_REFS + "trunk", REMOTE_REFS + "HEAD.lock"}


def test_a_branch_that_looks_like_an_option_is_a_branch(repository: Repository) -> None:
    assert (
        fetch_lies(repository, pack_objects(HONEST), ("refs/heads/trunk", "refs/heads/-x", "refs/heads/--exec")) == HEAD
    )
    assert REMOTE_REFS + "--exec" in repository.refs(REMOTE_REFS)


def test_a_branch_named_head_does_not_move_the_default_branch(repository: Repository) -> None:
    for _ in range(2):
        assert fetch_lies(repository, pack_objects(HONEST), ("refs/heads/trunk", "refs/heads/HEAD")) == HEAD
    assert repository.default_remote_branch == "trunk"


def test_too_many_branches_are_refused_with_the_cure(repository: Repository) -> None:
    names = ("refs/heads/trunk", *(f"refs/heads/b{number}" for number in range(MAXIMUM_BRANCHES)))
    with pytest.raises(RemoteRefused, match=r"git\.clone_depth") as caught:
        fetch_lies(repository, pack_objects(HONEST), names)
    assert caught.value.code == "too-many-branches"


def test_what_a_remote_says_steers_no_terminal(repository: Repository) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        content = b"001e# service=git-upload-pack\n0000" + b"0020ERR \x1b]0;owned\x07 \x1b[2J no\x9b!"
        handler.send_response(200)
        handler.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    with http_server(answer) as base:
        remote = parse_remote_url(f"{base}/x.git", allow_local=False, allow_private_hosts=True)
        with pytest.raises(GitError) as caught:
            fetch(repository, remote, addresses=("127.0.0.1",))
    assert "\x1b" not in caught.value.message
