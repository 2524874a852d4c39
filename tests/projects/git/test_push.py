from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from projects.git import environment
from projects.git.commits import commit_tree
from projects.git.errors import CredentialsNeeded, PushRefused, RemoteMoved
from projects.git.push import push_branch
from projects.git.remote import fetch
from projects.git.repository import Repository
from projects.git.urls import parse_remote_url
from tests.projects.git.remotes import http_server, smart_http, status
from tests.projects.git.sample import ADA, Origin

pytestmark = pytest.mark.plumbing
BRANCH = "quarterdeck/run-1-1-title"


@pytest.fixture
def commit(repository: Repository, origin: Origin) -> str:
    """One commit on top of the origin's trunk."""
    head = fetch(repository, origin.remote, addresses=()).head_commit
    return make_commit(repository, head)


def make_commit(repository: Repository, parent: str, message: str = "run") -> str:
    tree = repository.read_commit(parent).tree
    now = datetime.now(UTC)
    return commit_tree(repository, tree=tree, parents=[parent], author=ADA, committer=ADA, message=message, at=now)


def hook(origin: Origin, script: str, *, name: str = "pre-receive") -> None:
    file = origin.path / ".git" / "hooks" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_the_branch_arrives_at_the_remote(repository: Repository, origin: Origin, commit: str) -> None:
    push_branch(repository, origin.remote, addresses=(), commit=commit, branch=BRANCH)
    assert origin.git("rev-parse", BRANCH) == commit


def test_no_other_ref_arrives(repository: Repository, origin: Origin, commit: str) -> None:
    repository.update_ref("refs/tags/v1", commit, None)
    repository.update_ref("refs/heads/other", commit, None)
    before = set(origin.git("for-each-ref", "--format=%(refname)").splitlines())
    push_branch(repository, origin.remote, addresses=(), commit=commit, branch=BRANCH)
    assert set(origin.git("for-each-ref", "--format=%(refname)").splitlines()) - before == {f"refs/heads/{BRANCH}"}


def test_pushing_again_is_fine(repository: Repository, origin: Origin, commit: str) -> None:
    push_branch(repository, origin.remote, addresses=(), commit=commit, branch=BRANCH)
    push_branch(repository, origin.remote, addresses=(), commit=commit, branch=BRANCH)
    assert origin.git("rev-parse", BRANCH) == commit


def test_a_moved_remote_branch_is_never_overwritten(repository: Repository, origin: Origin, commit: str) -> None:
    origin.git("checkout", "-q", "-b", BRANCH)
    theirs = origin.commit({"theirs": b"1"})
    origin.git("checkout", "-q", "trunk")
    with pytest.raises(RemoteMoved):
        push_branch(repository, origin.remote, addresses=(), commit=commit, branch=BRANCH)
    assert origin.git("rev-parse", BRANCH) == theirs


def test_a_known_but_diverged_remote_branch_is_never_overwritten(
    repository: Repository, origin: Origin, commit: str
) -> None:
    push_branch(repository, origin.remote, addresses=(), commit=commit, branch=BRANCH)
    other = make_commit(repository, origin.git("rev-parse", "trunk"), "other")
    with pytest.raises(RemoteMoved):
        push_branch(repository, origin.remote, addresses=(), commit=other, branch=BRANCH)


def test_over_http(repository: Repository, origin: Origin, commit: str) -> None:
    with http_server(smart_http(origin.path.parent)) as base:
        remote = parse_remote_url(f"{base}/origin/.git", allow_local=False, allow_private_hosts=True)
        push_branch(repository, remote, addresses=("127.0.0.1",), commit=commit, branch=BRANCH)
    assert origin.git("rev-parse", BRANCH) == commit


def test_a_hook_of_the_remote_declines_in_its_own_words(repository: Repository, origin: Origin, commit: str) -> None:
    hook(origin, "echo 'branches are frozen' >&2; exit 1")
    with http_server(smart_http(origin.path.parent)) as base:
        remote = parse_remote_url(f"{base}/origin/.git", allow_local=False, allow_private_hosts=True)
        with pytest.raises(PushRefused, match="pre-receive hook declined; branches are frozen"):
            push_branch(repository, remote, addresses=("127.0.0.1",), commit=commit, branch=BRANCH)


def test_a_host_that_says_nothing_while_it_checks_is_waited_for(
    repository: Repository, origin: Origin, commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = tuple((key, "1" if key == "http.lowSpeedTime" else value) for key, value in environment.CONFIG)
    monkeypatch.setattr(environment, "CONFIG", impatient)
    hook(origin, "sleep 4")
    with http_server(smart_http(origin.path.parent)) as base:
        remote = parse_remote_url(f"{base}/origin/.git", allow_local=False, allow_private_hosts=True)
        push_branch(repository, remote, addresses=("127.0.0.1",), commit=commit, branch=BRANCH)
    assert origin.git("rev-parse", BRANCH) == commit


def test_hooks_of_a_local_remote_do_not_run_as_the_server(
    repository: Repository, origin: Origin, commit: str, tmp_path: Path
) -> None:
    hook(origin, f"touch {tmp_path}/canary")
    push_branch(repository, origin.remote, addresses=(), commit=commit, branch=BRANCH)
    assert not (tmp_path / "canary").exists()


def test_a_checked_out_branch_declines(repository: Repository, origin: Origin, commit: str) -> None:
    with pytest.raises(PushRefused, match="checked out"):
        push_branch(repository, origin.remote, addresses=(), commit=commit, branch="trunk")


def test_a_login_is_asked_for(repository: Repository, commit: str) -> None:
    with http_server(status(401, WWW_Authenticate="Basic")) as base:
        remote = parse_remote_url(f"{base}/a", allow_local=False, allow_private_hosts=True)
        with pytest.raises(CredentialsNeeded):
            push_branch(repository, remote, addresses=("127.0.0.1",), commit=commit, branch=BRANCH)


@pytest.mark.parametrize("branch", ["", "a..b", "-f", "a b", "x:refs/heads/trunk", "../x", "@{u}", "a\nb"])
def test_an_impossible_branch_is_refused(repository: Repository, origin: Origin, commit: str, branch: str) -> None:
    with pytest.raises(PushRefused) as caught:
        push_branch(repository, origin.remote, addresses=(), commit=commit, branch=branch)
    assert caught.value.code == "invalid-branch"


def test_an_empty_commit_cannot_delete_a_branch(repository: Repository, origin: Origin) -> None:
    with pytest.raises(ValueError, match="commit id"):
        push_branch(repository, origin.remote, addresses=(), commit="", branch="trunk")


def test_a_push_that_meets_another_of_the_same_commit_is_done(
    repository: Repository, origin: Origin, commit: str
) -> None:
    hook(origin, 'exec env -u GIT_QUARANTINE_PATH git update-ref "$1" "$3"', name="update")
    with http_server(smart_http(origin.path.parent)) as base:
        remote = parse_remote_url(f"{base}/origin/.git", allow_local=False, allow_private_hosts=True)
        push_branch(repository, remote, addresses=("127.0.0.1",), commit=commit, branch=BRANCH)
    assert origin.git("rev-parse", BRANCH) == commit


def test_the_repository_is_held_while_the_commit_is_published_and_no_longer(
    repository: Repository, origin: Origin, commit: str
) -> None:
    packs = repository.objects / "pack"
    before, seen = set(packs.glob("*.pack")), []

    @contextmanager
    def locked() -> Iterator[None]:
        seen.append("taken")
        yield
        seen.append("published" if set(packs.glob("*.pack")) > before else "not published")
        seen.append("sent" if origin.git("branch", "--list", BRANCH) else "not sent")

    push_branch(repository, origin.remote, addresses=(), commit=commit, branch=BRANCH, locked=locked)
    assert (seen, origin.git("rev-parse", BRANCH)) == (["taken", "published", "not sent"], commit)
