"""A remote's own settings, hooks and pointers: nothing of them runs here or leads us anywhere else."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from projects.git.errors import GitError, GitFailed, PushRefused
from projects.git.process import run_git
from projects.git.push import push_branch
from projects.git.remote import fetch
from projects.git.repository import Repository
from projects.git.urls import parse_remote_url
from tests.projects.git.conftest import MakeWorkTree
from tests.projects.git.remotes import http_server
from tests.projects.git.sample import Origin, git, make_origin
from tests.projects.git.traps import arm

pytestmark = pytest.mark.plumbing
BRANCH = "quarterdeck/run-1-1-x"


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@pytest.fixture
def armed(origin: Origin, canary: Path) -> Origin:
    """A local repository in which every setting and hook that names a program names one that sings."""
    arm(origin.path / ".git", canary)
    canary.unlink(missing_ok=True)
    return origin


def test_fetching_from_it_runs_nothing_of_its_own(armed: Origin, repository: Repository, canary: Path) -> None:
    fetch(repository, armed.remote, addresses=())
    assert not canary.exists()


def test_pushing_to_it_runs_nothing_of_its_own(armed: Origin, repository: Repository, canary: Path) -> None:
    head = fetch(repository, armed.remote, addresses=()).head_commit
    push_branch(repository, armed.remote, addresses=(), commit=head, branch=BRANCH)
    assert not canary.exists()


def test_a_remote_that_wants_its_own_hook_to_take_the_push_declines_it(
    armed: Origin, repository: Repository, canary: Path
) -> None:
    armed.git("config", "receive.procReceiveRefs", "refs")
    head = fetch(repository, armed.remote, addresses=()).head_commit
    with pytest.raises(PushRefused):
        push_branch(repository, armed.remote, addresses=(), commit=head, branch=BRANCH)
    assert not canary.exists()


def test_the_hooks_would_have_sung(armed: Origin, tmp_path: Path, canary: Path) -> None:
    """A person's push to the same repository."""
    git(tmp_path, "clone", "-q", str(armed.path), "clone")
    git(tmp_path / "clone", "push", "-q", "origin", f"HEAD:refs/heads/{BRANCH}")
    assert canary.exists()


def test_a_partial_clone_as_remote_fetches_nothing_for_us(
    armed: Origin, repository: Repository, tmp_path: Path, canary: Path
) -> None:
    """What it lacks it would fetch from a remote of its own, with a program that its own settings name."""
    blob = armed.git("rev-parse", "HEAD:README.md")
    (armed.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    service = f"touch {canary}; git-upload-pack"
    for key, value in (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "evil"),
        ("remote.evil.promisor", "true"),
        ("remote.evil.url", str(tmp_path)),
        ("remote.evil.uploadpack", service),
    ):
        git(armed.path, "config", key, value)
    canary.unlink(missing_ok=True)
    with pytest.raises(GitError):
        fetch(repository, armed.remote, addresses=())
    assert not canary.exists()


@pytest.mark.parametrize("url", ["ext::sh -c 'touch {canary}'", "fd::7", "foo::bar", "{tmp}/x", "file://{tmp}/x"])
def test_helper_transports_are_refused_even_past_the_check_of_addresses(
    repository: Repository, tmp_path: Path, canary: Path, url: str
) -> None:
    with pytest.raises(GitFailed, match=r"not allowed|not a git|remote helper"):
        repository.run(["fetch", "--", url.format(canary=canary, tmp=tmp_path)])
    assert not canary.exists()


@pytest.mark.parametrize("option", ["--upload-pack=touch {canary}", "-u touch {canary}"])
def test_an_address_is_never_an_option(repository: Repository, canary: Path, option: str) -> None:
    with pytest.raises(GitFailed):
        repository.run(["ls-remote", "--", option.format(canary=canary)])
    assert not canary.exists()


@contextmanager
def files_of(folder: Path, asked: list[str]) -> Iterator[str]:
    """A web server without git: the "dumb" protocol (gitprotocol-http(5))."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        path = folder / handler.path.partition("?")[0].lstrip("/")
        content = path.read_bytes() if path.is_file() else b""
        handler.send_response(200 if path.is_file() else 404)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    with http_server(answer) as base:
        yield base


@pytest.mark.parametrize("name", ["http-alternates", "alternates"])
def test_alternates_of_a_remote_lead_to_no_other_host(
    origin: Origin, repository: Repository, tmp_path: Path, name: str
) -> None:
    """The object that is missing lies on the other host, as an address in the private network would."""
    blob = origin.git("rev-parse", "HEAD:README.md")
    origin.git("update-server-info")
    objects = origin.path / ".git" / "objects"
    other = tmp_path / "other" / "objects" / blob[:2]
    other.mkdir(parents=True)
    (objects / blob[:2] / blob[2:]).rename(other / blob[2:])
    reached: list[str] = []
    asked: list[str] = []
    with files_of(tmp_path / "other", reached) as private, files_of(origin.path, asked) as public:
        (objects / "info" / name).write_text(f"{private}/objects\n")
        remote = parse_remote_url(f"{public}/.git", allow_local=False, allow_private_hosts=True)
        with pytest.raises(GitError):
            fetch(repository, remote, addresses=("127.0.0.1",), timeout_seconds=30)
    assert any(name in path for path in asked)
    assert reached == []
    assert repository.refs("refs/") == {}


def test_alternates_never_reach_our_own_repository(origin: Origin, repository: Repository, tmp_path: Path) -> None:
    other = make_origin(tmp_path / "other")
    (origin.path / ".git" / "objects" / "info" / "alternates").write_text(f"{other.path}/.git/objects\n")
    fetch(repository, origin.remote, addresses=())
    assert not (repository.objects / "info" / "alternates").exists()


def test_nothing_of_the_machines_settings_counts(
    origin: Origin, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, canary: Path
) -> None:
    """Credential helpers, includes and insteadOf of the server's own user."""
    home = tmp_path / "home"
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".gitconfig").write_text(
        f'[credential]\n\thelper = "!touch {canary}"\n[include]\n\tpath = more\n'
        f'[url "ext::touch {canary} "]\n\tinsteadOf = {origin.path}\n[core]\n\thooksPath = {home}\n'
    )
    hook = home / "reference-transaction"
    hook.write_text(f"#!/bin/sh\ntouch {canary}\n")
    hook.chmod(0o755)
    for name in ("HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_EXEC_PATH", "GIT_TEMPLATE_DIR"):
        monkeypatch.setenv(name, os.fspath(home))
    fetch(repository, origin.remote, addresses=())
    assert not canary.exists()


def test_pushing_sends_no_submodule_and_no_tag(origin: Origin, make_work_tree: MakeWorkTree, canary: Path) -> None:
    origin.commit({".gitmodules": f'[submodule "x"]\n\tpath = x\n\turl = ext::touch {canary}\n'.encode()})
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},x")
    origin.git("commit", "-q", "-m", "submodule")
    made = make_work_tree()
    made.repository.update_ref("refs/tags/v1", made.base_commit, None)
    push_branch(made.repository, origin.remote, addresses=(), commit=made.base_commit, branch=BRANCH)
    assert origin.git("tag") == ""
    assert not canary.exists()


def test_git_knows_no_remote_by_name(repository: Repository) -> None:
    """An address is always given: no `remote.*` or `url.*` of any configuration has a say."""
    told = run_git(["config", "--get-regexp", "^(remote|url)"], git_dir=repository.path).decode()
    assert [line for line in told.splitlines() if ".url" in line.lower() or "insteadof" in line.lower()] == []
