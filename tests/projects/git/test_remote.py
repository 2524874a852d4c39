import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from itertools import groupby
from pathlib import Path

import pytest

from projects.git.arrival import INCOMING_REFS
from projects.git.errors import (
    BranchNotFound,
    ConnectionLost,
    CredentialsNeeded,
    EmptyRepository,
    GitError,
    GitTimeout,
    HostUnreachable,
    InvalidAnswer,
    RemoteDiverged,
    RemoteRefused,
    RepositoryNotFound,
)
from projects.git.remote import FetchProgress, fetch, list_branches
from projects.git.repository import Repository
from projects.git.urls import RemoteUrl, parse_remote_url
from tests.projects.git.remotes import fake_ssh, free_port, git_daemon, http_server, smart_http, status
from tests.projects.git.sample import Origin, git, make_origin

pytestmark = pytest.mark.plumbing
LOOPBACK = ("127.0.0.1",)


def never(handler: BaseHTTPRequestHandler) -> None:
    """Waits until the other side gives up."""
    handler.rfile.read(1)


def address(url: str) -> RemoteUrl:
    return parse_remote_url(url, allow_local=True, allow_private_hosts=True)


def test_without_a_branch_the_remotes_head_decides(repository: Repository, origin: Origin) -> None:
    result = fetch(repository, origin.remote, addresses=())
    assert (result.default_branch, result.head_commit) == ("trunk", origin.git("rev-parse", "HEAD"))


def test_the_remotes_head_is_remembered(repository: Repository, origin: Origin) -> None:
    fetch(repository, origin.remote, addresses=())
    assert repository.default_remote_branch == "trunk"


def test_a_given_branch_decides(repository: Repository, origin: Origin) -> None:
    origin.git("checkout", "-q", "-b", "topic/one")
    wanted = origin.commit({"a": b"1"})
    origin.git("checkout", "-q", "trunk")
    result = fetch(repository, origin.remote, addresses=(), branch="topic/one")
    assert (result.default_branch, result.head_commit) == ("topic/one", wanted)


def test_a_detached_head_leaves_it_to_the_branch_at_the_same_commit(repository: Repository, origin: Origin) -> None:
    origin.git("branch", "aaa", "HEAD")
    origin.commit({"a": b"1"})
    origin.git("checkout", "-q", "--detach", "trunk")
    assert fetch(repository, origin.remote, addresses=()).default_branch == "trunk"


def test_a_dangling_head_leaves_it_to_the_usual_names(repository: Repository, origin: Origin) -> None:
    origin.git("branch", "-m", "trunk", "main")
    origin.git("branch", "aaa")
    origin.git("symbolic-ref", "HEAD", "refs/heads/gone")
    assert fetch(repository, origin.remote, addresses=()).default_branch == "main"


def test_only_remote_refs_are_written(repository: Repository, origin: Origin) -> None:
    origin.git("tag", "v1")
    fetch(repository, origin.remote, addresses=())
    assert set(repository.refs("refs/")) == {"refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"}


def test_a_branch_deleted_there_goes_and_our_own_refs_stay(repository: Repository, origin: Origin) -> None:
    origin.git("branch", "old")
    head = fetch(repository, origin.remote, addresses=()).head_commit
    repository.update_ref("refs/heads/quarterdeck/run-1-1-x", head, None)
    repository.update_ref("refs/quarterdeck/snapshots/1", head, None)
    origin.git("branch", "-D", "old")
    fetch(repository, origin.remote, addresses=())
    assert set(repository.refs("refs/")) == {
        "refs/heads/quarterdeck/run-1-1-x",
        "refs/quarterdeck/snapshots/1",
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/trunk",
    }


def test_a_rewritten_branch_is_followed(repository: Repository, origin: Origin) -> None:
    fetch(repository, origin.remote, addresses=())
    origin.git("commit", "-q", "--amend", "-m", "rewritten")
    assert fetch(repository, origin.remote, addresses=()).head_commit == origin.git("rev-parse", "HEAD")


def test_a_depth_cuts_the_history(repository: Repository, origin: Origin) -> None:
    for number in range(3):
        origin.commit({"a": b"%d" % number})
    with http_server(smart_http(origin.path.parent)) as base:
        head = fetch(repository, address(f"{base}/origin/.git"), addresses=LOOPBACK, depth=2).head_commit
    assert git(repository.path, "rev-list", "--count", head) == "2"


def test_progress_is_told(repository: Repository, origin: Origin) -> None:
    seen: list[FetchProgress] = []
    fetch(repository, origin.remote, addresses=(), on_progress=seen.append)
    assert ("Compressing objects", 100) in [(progress.phase, progress.percent) for progress in seen]


def test_fetching_goes_on_after_a_kill_left_locks(repository: Repository, origin: Origin) -> None:
    fetch(repository, origin.remote, addresses=())
    (repository.path / "refs/remotes/origin/trunk.lock").touch()
    (repository.path / "shallow.lock").touch()
    wanted = origin.commit({"a": b"1"})
    assert fetch(repository, origin.remote, addresses=()).head_commit == wanted


def test_an_empty_repository_is_told_as_such(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(EmptyRepository):
        fetch(repository, make_origin(tmp_path / "empty").remote, addresses=())


def test_an_unknown_branch_is_told_by_name(repository: Repository, origin: Origin) -> None:
    with pytest.raises(BranchNotFound, match="no-such"):
        fetch(repository, origin.remote, addresses=(), branch="no-such")


def test_a_missing_local_repository_is_told_as_such(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(RepositoryNotFound):
        fetch(repository, address(str(tmp_path / "none")), addresses=())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to give files away")
def test_a_local_repository_of_another_user_is_not_trusted(repository: Repository, origin: Origin) -> None:
    os.chown(origin.path / ".git", 65534, 65534)
    os.chown(origin.path, 65534, 65534)
    with pytest.raises(RemoteRefused) as caught:
        fetch(repository, origin.remote, addresses=())
    assert caught.value.code == "local-not-trusted"


def test_over_http(repository: Repository, origin: Origin) -> None:
    with http_server(smart_http(origin.path.parent)) as base:
        assert fetch(repository, address(f"{base}/origin/.git"), addresses=LOOPBACK).default_branch == "trunk"


def test_http_connects_to_the_checked_address_not_to_the_name(repository: Repository, origin: Origin) -> None:
    with http_server(smart_http(origin.path.parent)) as base:
        port = base.rpartition(":")[2]
        remote = address(f"http://no-such-host.invalid:{port}/origin/.git")
        assert fetch(repository, remote, addresses=LOOPBACK).default_branch == "trunk"


def test_over_the_git_protocol_by_the_checked_address(repository: Repository, origin: Origin) -> None:
    with git_daemon(origin.path.parent) as port:
        remote = address(f"git://no-such-host.invalid:{port}/origin/.git")
        assert fetch(repository, remote, addresses=LOOPBACK).default_branch == "trunk"


def test_the_git_protocol_tells_a_missing_repository(repository: Repository, origin: Origin) -> None:
    with git_daemon(origin.path.parent) as port, pytest.raises(RepositoryNotFound):
        fetch(repository, address(f"git://127.0.0.1:{port}/none"), addresses=LOOPBACK)


def test_the_next_address_is_tried_when_one_does_not_answer(repository: Repository, origin: Origin) -> None:
    with git_daemon(origin.path.parent) as port:
        remote = address(f"git://some-host.invalid:{port}/origin/.git")
        assert fetch(repository, remote, addresses=("127.0.0.2", "127.0.0.1")).default_branch == "trunk"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (401, CredentialsNeeded),
        (403, CredentialsNeeded),
        (404, RepositoryNotFound),
        (301, RemoteRefused),
        (302, RemoteRefused),
        (429, HostUnreachable),
        (500, HostUnreachable),
        (503, HostUnreachable),
    ],
)
def test_http_answers_are_told_apart(repository: Repository, code: int, error: type[GitError]) -> None:
    headers = {"WWW_Authenticate": "Basic"} if code == 401 else {"Location": "http://127.0.0.1:1/elsewhere"}
    with http_server(status(code, **headers)) as base, pytest.raises(error):
        fetch(repository, address(f"{base}/a"), addresses=LOOPBACK)


def test_a_redirect_is_not_followed(repository: Repository, origin: Origin) -> None:
    with http_server(smart_http(origin.path.parent)) as target:
        location = f"{target}/origin/.git/info/refs?service=git-upload-pack"
        with http_server(status(302, Location=location)) as base, pytest.raises(RemoteRefused) as caught:
            fetch(repository, address(f"{base}/a"), addresses=LOOPBACK)
    assert caught.value.code == "redirected"


@pytest.mark.parametrize("scheme", ["http", "https", "git", "ssh"])
def test_a_closed_port_is_told_as_unreachable(repository: Repository, scheme: str) -> None:
    with pytest.raises(HostUnreachable):
        fetch(repository, address(f"{scheme}://127.0.0.1:{free_port()}/a"), addresses=LOOPBACK)


def test_a_host_that_never_answers_runs_into_the_time_limit(repository: Repository, origin: Origin) -> None:
    with http_server(never) as base, pytest.raises(GitTimeout):
        fetch(repository, address(f"{base}/a"), addresses=LOOPBACK, timeout_seconds=0.5)


@pytest.mark.parametrize(
    ("said", "error", "code"),
    [
        ("git@host: Permission denied (publickey).", CredentialsNeeded, "credentials-needed"),
        ("ERROR: Repository not found.", RepositoryNotFound, "repository-not-found"),
        ("Host key verification failed.", HostUnreachable, "host-key-changed"),
        ("ssh: connect to host h port 22: Connection timed out", HostUnreachable, "host-unreachable"),
        ("fetch-pack: unexpected disconnect while reading sideband packet", ConnectionLost, "connection-lost"),
        ("fatal: protocol error: bad line length character: Welc", InvalidAnswer, "invalid-answer"),
    ],
)
def test_what_ssh_says_is_told_apart(
    repository: Repository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    error: type[GitError],
    code: str,
) -> None:
    monkeypatch.setenv("PATH", fake_ssh(tmp_path / "bin", f"echo '{said}' >&2; exit 255"))
    with pytest.raises(error) as caught:
        list_branches(repository, address("git@example.org:a"), addresses=("192.0.2.1",))
    assert caught.value.code == code


def test_ssh_goes_to_the_checked_address_and_pins_the_host_key(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", fake_ssh(tmp_path / "bin", f"printf '%s\\n' \"$@\" > {tmp_path}/arguments; exit 255"))
    with pytest.raises(GitError):
        list_branches(repository, address("git@example.org:a"), addresses=("192.0.2.1",))
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert {"HostName=192.0.2.1", "HostKeyAlias=example.org", "IdentityAgent=none", "BatchMode=yes"} <= set(arguments)
    assert f'UserKnownHostsFile="{repository.known_hosts}"' in arguments


def test_over_ssh(repository: Repository, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", fake_ssh(tmp_path / "bin", 'for last; do :; done; exec sh -c "$last"'))
    remote = address(f"ssh://git@example.org{origin.path}")
    assert fetch(repository, remote, addresses=("192.0.2.1",)).default_branch == "trunk"


def test_a_pull_moves_the_branch_forwards(repository: Repository, origin: Origin) -> None:
    fetch(repository, origin.remote, addresses=())
    newer = origin.commit({"a": b"1"})
    assert fetch(repository, origin.remote, addresses=(), branch="trunk", only_forwards=True).head_commit == newer


def test_a_pull_never_moves_the_branch_aside(repository: Repository, origin: Origin) -> None:
    head = fetch(repository, origin.remote, addresses=()).head_commit
    origin.git("commit", "-q", "--amend", "--allow-empty", "-m", "rewritten")
    with pytest.raises(RemoteDiverged):
        fetch(repository, origin.remote, addresses=(), branch="trunk", only_forwards=True)
    assert repository.resolve("refs/remotes/origin/trunk") == head


def test_a_pull_prunes_other_branches_and_leaves_ours(repository: Repository, origin: Origin) -> None:
    origin.git("branch", "old")
    head = fetch(repository, origin.remote, addresses=()).head_commit
    repository.update_ref("refs/heads/quarterdeck/run-1-1-x", head, None)
    origin.git("branch", "-D", "old")
    fetch(repository, origin.remote, addresses=(), branch="trunk", only_forwards=True)
    ours = {"refs/heads/quarterdeck/run-1-1-x", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"}
    assert set(repository.refs("refs/")) == ours


def test_a_pull_that_was_refused_leaves_nothing_behind(repository: Repository, origin: Origin) -> None:
    fetch(repository, origin.remote, addresses=())
    before = repository.refs("refs/")
    origin.git("commit", "-q", "--amend", "--allow-empty", "-m", "rewritten")
    with pytest.raises(RemoteDiverged):
        fetch(repository, origin.remote, addresses=(), only_forwards=True)
    assert repository.refs("refs/") == before


def test_what_a_killed_fetch_brought_is_no_hindrance(repository: Repository, origin: Origin) -> None:
    head = fetch(repository, origin.remote, addresses=()).head_commit
    for name in ("gone", "trunk/old"):
        repository.update_ref(INCOMING_REFS + name, head, None)
    newer = origin.commit({"a": b"1"})
    assert fetch(repository, origin.remote, addresses=()).head_commit == newer
    assert set(repository.refs("refs/")) == {"refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"}


def test_a_branch_becomes_a_folder_of_branches(repository: Repository, origin: Origin) -> None:
    origin.git("branch", "topic")
    fetch(repository, origin.remote, addresses=())
    origin.git("branch", "-m", "topic", "topic/one")
    fetch(repository, origin.remote, addresses=(), only_forwards=True)
    assert repository.resolve("refs/remotes/origin/topic/one") == origin.git("rev-parse", "trunk")


def test_odd_names_of_branches_are_fetched_and_none_is_the_default_one(repository: Repository, origin: Origin) -> None:
    head = origin.git("rev-parse", "HEAD")
    for name in (b"\xff", "a\u2028b".encode(), b"HEAD", b'"quoted'):
        git(origin.path, "update-ref", os.fsdecode(b"refs/heads/" + name), head)
    git(origin.path, "symbolic-ref", "HEAD", os.fsdecode(b"refs/heads/\xff"))
    assert fetch(repository, origin.remote, addresses=()).default_branch == '"quoted'
    assert len(repository.refs("refs/remotes/origin/")) == 5


def test_a_history_that_is_there_is_not_cut_by_a_depth(repository: Repository, origin: Origin) -> None:
    with http_server(smart_http(origin.path.parent)) as base:
        remote = address(f"{base}/origin/.git")
        fetch(repository, remote, addresses=LOOPBACK)
        origin.commit({"a": b"1"})
        fetch(repository, remote, addresses=LOOPBACK, depth=1)
    assert not repository.is_shallow


def test_a_cut_off_history_is_completed_without_a_depth(repository: Repository, origin: Origin) -> None:
    origin.commit({"a": b"1"})
    origin.git("branch", "other")
    with http_server(smart_http(origin.path.parent)) as base:
        remote = address(f"{base}/origin/.git")
        fetch(repository, remote, addresses=LOOPBACK, depth=1)
        head = fetch(repository, remote, addresses=LOOPBACK).head_commit
    assert git(repository.path, "rev-list", "--count", head) == "2"
    assert repository.resolve("refs/remotes/origin/other") == head


def test_the_lock_is_held_while_refs_move_and_never_while_the_remote_is_asked(
    repository: Repository, origin: Origin
) -> None:
    story: list[str] = []

    @contextmanager
    def lock() -> Iterator[None]:
        story.append("taken")
        yield
        story.append("given back")

    def telling(handler: BaseHTTPRequestHandler) -> None:
        story.append("asked")
        serve(handler)

    serve = smart_http(origin.path.parent)
    with http_server(telling) as base:
        fetch(repository, address(f"{base}/origin/.git"), addresses=LOOPBACK, locked=lock)
    rounds = [key for key, _ in groupby(story)]
    assert rounds == ["taken", "given back", "asked", "taken", "given back"]
