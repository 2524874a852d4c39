"""Real servers: https with certificates, ssh with keys. Logins get in, are seen by nobody, and go nowhere else."""

import subprocess
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from projects.git.arrival import FetchResult
from projects.git.credentials import Credential
from projects.git.errors import CredentialsNeeded, CredentialsRefused, GitError, HostUnreachable, RepositoryNotFound
from projects.git.host_keys import forget_host_keys, pinned_host_keys
from projects.git.push import push_branch
from projects.git.remote import fetch
from projects.git.repository import Repository
from projects.git.urls import RemoteUrl, parse_remote_url
from tests.projects.git.certificates import HOST, Authority
from tests.projects.git.remotes import http_server, smart_http, status, with_login
from tests.projects.git.sample import Origin, git
from tests.projects.git.ssh_server import SshServer
from tests.projects.git.test_credentials import visible_in_processes

pytestmark = pytest.mark.plumbing
LOOPBACK = ("127.0.0.1",)
TOKEN = Credential("https_token", "anna", "correct-horse-token-4471")
WAITING = """#!/bin/sh
[ -e seen ] || { echo come > asked; read -r answer < told; }
exec sh -c "$SSH_ORIGINAL_COMMAND"
"""


def address(url: str, *, trust: Authority | None = None) -> RemoteUrl:
    remote = parse_remote_url(url, allow_local=True, allow_private_hosts=True)
    return replace(remote, ca_bundle=str(trust.bundle)) if trust else remote


def by_name(base: str) -> str:
    return base.replace("127.0.0.1", HOST)


@pytest.fixture
def key(tmp_path: Path, ssh_server: SshServer) -> Credential:
    """A new key that the server lets in."""
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    ssh_server.authorize(path.with_suffix(".pub").read_text())
    return Credential("ssh_key", "", path.read_text())


def over_ssh(server: SshServer, path: Path) -> RemoteUrl:
    return address(server.url(path))


def test_https_with_a_token_brings_and_pushes(repository: Repository, origin: Origin, authority: Authority) -> None:
    answer = with_login(smart_http(origin.path.parent), TOKEN.username, TOKEN.secret)
    with http_server(answer, tls=authority.server()) as base:
        remote = address(f"{by_name(base)}/origin/.git", trust=authority)
        head = fetch(repository, remote, addresses=LOOPBACK, credential=TOKEN).head_commit
        push_branch(repository, remote, addresses=LOOPBACK, credential=TOKEN, commit=head, branch="new")
    assert origin.git("rev-parse", "new") == head


@pytest.mark.parametrize(
    ("host", "days", "is_trusted", "reason"),
    [
        (HOST, 1, False, "authority that this server does not know"),
        (HOST, -1, True, "has expired"),
        ("other.example.test", 1, True, "for another name"),
    ],
)
def test_a_bad_certificate_is_told_and_gets_no_login(
    repository: Repository, authority: Authority, host: str, days: int, is_trusted: bool, reason: str
) -> None:
    asked: list[str] = []

    def noting(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)

    with http_server(noting, tls=authority.server(days=days)) as base:
        remote = address(f"{base.replace('127.0.0.1', host)}/a", trust=authority if is_trusted else None)
        with pytest.raises(HostUnreachable) as caught:
            fetch(repository, remote, addresses=LOOPBACK, credential=TOKEN)
    assert (caught.value.code, reason in caught.value.message, asked) == ("bad-certificate", True, [])


def test_a_redirect_of_the_data_to_another_host_is_not_followed(
    repository: Repository, origin: Origin, authority: Authority
) -> None:
    elsewhere: list[str] = []

    def noting(handler: BaseHTTPRequestHandler) -> None:
        elsewhere.append(handler.path)

    with http_server(noting) as other:
        serve, away = smart_http(origin.path.parent), status(307, Location=f"{other}/origin/.git/git-upload-pack")

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.rfile.read(int(handler.headers.get("Content-Length", 0))) if handler.command == "POST" else None
            (away if handler.command == "POST" else serve)(handler)

        with http_server(answer, tls=authority.server()) as base, pytest.raises(GitError) as caught:
            fetch(repository, address(f"{base}/origin/.git", trust=authority), addresses=LOOPBACK, credential=TOKEN)
    assert (caught.value.code, elsewhere) == ("redirected", [])


def test_objects_that_a_simple_server_says_are_elsewhere_are_not_looked_for(
    repository: Repository, origin: Origin
) -> None:
    """`objects/info/http-alternates` of the dumb protocol (gitrepository-layout(5)) would send git to any host."""
    elsewhere: list[str] = []

    def noting(handler: BaseHTTPRequestHandler) -> None:
        elsewhere.append(handler.path)

    head = origin.git("rev-parse", "HEAD")
    with http_server(noting) as other:
        files = {
            "/a/info/refs": f"{head}\trefs/heads/trunk\n",
            "/a/HEAD": "ref: refs/heads/trunk\n",
            "/a/objects/info/http-alternates": f"{other}/objects\n",
        }

        def simple(handler: BaseHTTPRequestHandler) -> None:
            body = files.get(handler.path.partition("?")[0])
            handler.send_response(404 if body is None else 200)
            handler.send_header("Content-Length", str(len(body or "")))
            handler.end_headers()
            handler.wfile.write((body or "").encode())

        with http_server(simple) as base, pytest.raises(GitError):
            fetch(repository, address(f"{base}/a"), addresses=LOOPBACK)
    assert elsewhere == []


def test_ssh_with_a_key_brings_and_pushes(
    repository: Repository, origin: Origin, ssh_server: SshServer, key: Credential
) -> None:
    remote = over_ssh(ssh_server, origin.path)
    head = fetch(repository, remote, addresses=LOOPBACK, credential=key).head_commit
    push_branch(repository, remote, addresses=LOOPBACK, credential=key, commit=head, branch="new")
    assert origin.git("rev-parse", "new") == head


def test_ssh_asks_for_the_host_by_its_checked_address(
    repository: Repository, origin: Origin, ssh_server: SshServer, key: Credential
) -> None:
    remote = address(f"ssh://git@no-such-host.invalid:{ssh_server.port}{origin.path}")
    assert fetch(repository, remote, addresses=LOOPBACK, credential=key).default_branch == "trunk"
    assert [pinned.host for pinned in pinned_host_keys(repository)] == ["no-such-host.invalid"]


def test_the_host_key_is_pinned_at_the_first_contact(
    repository: Repository, origin: Origin, ssh_server: SshServer, key: Credential
) -> None:
    fetch(repository, over_ssh(ssh_server, origin.path), addresses=LOOPBACK, credential=key)
    assert [pinned.fingerprint for pinned in pinned_host_keys(repository)] == [ssh_server.fingerprint]


def test_another_host_key_is_refused_until_the_old_one_is_forgotten(
    repository: Repository, origin: Origin, ssh_server: SshServer, key: Credential, tmp_path: Path
) -> None:
    repository.known_hosts.write_text("127.0.0.1 " + (tmp_path / "key.pub").read_text())
    remote = over_ssh(ssh_server, origin.path)
    with pytest.raises(HostUnreachable) as caught:
        fetch(repository, remote, addresses=LOOPBACK, credential=key)
    assert (caught.value.code, "forget_host_keys" in caught.value.message) == ("host-key-changed", True)
    forget_host_keys(repository)
    assert fetch(repository, remote, addresses=LOOPBACK, credential=key).default_branch == "trunk"


def test_ssh_tells_a_missing_login_a_refused_one_and_a_missing_repository_apart(
    repository: Repository, origin: Origin, ssh_server: SshServer, key: Credential, tmp_path: Path
) -> None:
    with pytest.raises(RepositoryNotFound):
        fetch(repository, over_ssh(ssh_server, tmp_path / "none"), addresses=LOOPBACK, credential=key)
    with pytest.raises(CredentialsNeeded) as caught:
        fetch(repository, over_ssh(ssh_server, origin.path), addresses=LOOPBACK)
    assert caught.value.code == "credentials-needed"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    ssh_server.authorize((tmp_path / "other.pub").read_text())
    with pytest.raises(CredentialsRefused):
        fetch(repository, over_ssh(ssh_server, origin.path), addresses=LOOPBACK, credential=key)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked at through /proc")
def test_a_key_is_in_no_process_list_and_nowhere_on_disk(
    repository: Repository, origin: Origin, ssh_server: SshServer, key: Credential, tmp_path: Path
) -> None:
    secret = key.secret.splitlines()[2]
    subprocess.run(["mkfifo", "asked", "told"], cwd=tmp_path, check=True)
    (tmp_path / "wait").write_text(WAITING)
    ssh_server.authorize((tmp_path / "key.pub").read_text(), command=f"cd {tmp_path}; . ./wait")
    results: list[FetchResult] = []
    remote = over_ssh(ssh_server, origin.path)
    thread = threading.Thread(
        target=lambda: results.append(fetch(repository, remote, addresses=LOOPBACK, credential=key))
    )
    thread.start()
    assert (tmp_path / "asked").read_text() == "come\n"
    assert visible_in_processes("HostKeyAlias=127.0.0.1")  # ssh is there to be looked at
    assert visible_in_processes(secret) == []
    (tmp_path / "seen").touch()
    (tmp_path / "told").write_text("go on\n")
    thread.join(60)
    assert results
    files = [file for file in repository.path.rglob("*") if file.is_file()]
    assert not [file for file in files if secret.encode() in file.read_bytes()]


def test_a_depth_over_ssh_cuts_the_history(
    repository: Repository, origin: Origin, ssh_server: SshServer, key: Credential
) -> None:
    origin.commit({"a": b"1"})
    remote = over_ssh(ssh_server, origin.path)
    head = fetch(repository, remote, addresses=LOOPBACK, credential=key, depth=1).head_commit
    assert git(repository.path, "rev-list", "--count", head) == "1"
