"""Logins at remotes: git and ssh get the secret, and nobody else sees it while they do or afterwards."""

import os
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from projects.git.credentials import ASKPASS, Credential, offered
from projects.git.errors import CredentialsNeeded, GitError
from projects.git.push import push_branch
from projects.git.remote import fetch, list_branches
from projects.git.repository import Repository
from projects.git.urls import RemoteUrl, parse_remote_url
from tests.projects.git.remotes import Answer, fake_ssh, http_server, smart_http, with_login
from tests.projects.git.sample import Origin

pytestmark = pytest.mark.plumbing
LOOPBACK = ("127.0.0.1",)
SECRET = "correct-horse-token-9731"
TOKEN = Credential("https_token", "anna", SECRET)


@pytest.fixture
def key(tmp_path: Path) -> Credential:
    """A new SSH key."""
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return Credential("ssh_key", "", path.read_text())


def at(base: str, origin: Origin) -> RemoteUrl:
    return parse_remote_url(f"{base}/{origin.path.name}", allow_local=True, allow_private_hosts=True)


def over_ssh(origin: Origin) -> RemoteUrl:
    return parse_remote_url(f"ssh://git@example.org{origin.path}", allow_local=False)


def guarded(origin: Origin) -> Answer:
    return with_login(smart_http(origin.path.parent), "anna", SECRET)


def visible_in_processes(secret: str) -> list[str]:
    """Which processes carry the secret in their arguments or environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                if secret.encode() in (folder / name).read_bytes():
                    found.append(f"{folder.name}/{name}")
            except OSError:
                continue
    return found


def test_without_a_login_a_private_repository_is_closed(repository: Repository, origin: Origin) -> None:
    with http_server(guarded(origin)) as base, pytest.raises(CredentialsNeeded) as caught:
        fetch(repository, at(base, origin), addresses=LOOPBACK)
    assert (caught.value.code, "credential" in caught.value.message) == ("credentials-needed", True)


@pytest.mark.parametrize(
    "credential", [Credential("https_token", "anna", "wrong"), Credential("https_token", "", SECRET)]
)
def test_a_wrong_login_is_told_apart_from_none(repository: Repository, origin: Origin, credential: Credential) -> None:
    with http_server(guarded(origin)) as base, pytest.raises(CredentialsNeeded) as caught:
        fetch(repository, at(base, origin), addresses=LOOPBACK, credential=credential)
    assert caught.value.code == "credentials-refused"
    assert credential.secret not in str(caught.value)


def test_a_token_opens_a_private_repository(repository: Repository, origin: Origin) -> None:
    with http_server(guarded(origin)) as base:
        result = fetch(repository, at(base, origin), addresses=LOOPBACK, credential=TOKEN)
    assert result.head_commit == origin.git("rev-parse", "HEAD")


def test_a_token_without_a_name_goes_with_the_usual_one(repository: Repository, origin: Origin) -> None:
    answer = with_login(smart_http(origin.path.parent), "x-access-token", SECRET)
    with http_server(answer) as base:
        credential = Credential("https_token", "", SECRET)
        result = fetch(repository, at(base, origin), addresses=LOOPBACK, credential=credential)
    assert result.default_branch == "trunk"


def test_a_token_opens_for_a_pull(repository: Repository, origin: Origin) -> None:
    with http_server(guarded(origin)) as base:
        fetch(repository, at(base, origin), addresses=LOOPBACK, credential=TOKEN)
        newer = origin.commit({"a": b"1"})
        assert (
            fetch(repository, at(base, origin), addresses=LOOPBACK, credential=TOKEN, only_forwards=True).head_commit
            == newer
        )


def test_a_token_opens_for_a_push(repository: Repository, origin: Origin) -> None:
    with http_server(guarded(origin)) as base:
        remote = at(base, origin)
        head = fetch(repository, remote, addresses=LOOPBACK, credential=TOKEN).head_commit
        push_branch(repository, remote, addresses=LOOPBACK, credential=TOKEN, commit=head, branch="new")
    assert origin.git("rev-parse", "new") == head


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked at through /proc")
def test_a_token_is_in_no_process_list(repository: Repository, origin: Origin) -> None:
    seen: list[str] = []
    inner = guarded(origin)

    def looking(handler: BaseHTTPRequestHandler) -> None:
        seen.extend(visible_in_processes(SECRET))
        inner(handler)

    with http_server(looking) as base:
        fetch(repository, at(base, origin), addresses=LOOPBACK, credential=TOKEN)
    assert seen == []


def test_nothing_of_a_token_stays_on_disk(repository: Repository, origin: Origin) -> None:
    with http_server(guarded(origin)) as base:
        fetch(repository, at(base, origin), addresses=LOOPBACK, credential=TOKEN)
    files = [file for file in repository.path.rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if SECRET.encode() in file.read_bytes()]


def test_a_token_is_not_offered_elsewhere(repository: Repository, origin: Origin) -> None:
    asked: list[str | None] = []

    def noting(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.headers.get("Authorization"))
        handler.send_response(302)
        handler.send_header("Location", "http://127.0.0.1:1/")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with http_server(noting) as base, pytest.raises(GitError):
        fetch(repository, at(base, origin), addresses=LOOPBACK, credential=TOKEN)
    assert asked == [None]


def test_the_secret_is_readable_by_us_alone_and_gone_afterwards() -> None:
    with offered(TOKEN) as login:
        assert login is not None
        assert login.file.read_text() == SECRET
        assert login.file.stat().st_mode & 0o077 == 0
    assert not login.file.exists()


def test_a_credential_does_not_show_its_secret() -> None:
    assert SECRET not in repr(TOKEN)


def test_no_descriptor_stays_open() -> None:
    with offered(TOKEN) as login:
        assert login is not None
        descriptor = int(login.file.name)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_ssh_reads_the_key_and_no_other(
    repository: Repository, origin: Origin, key: Credential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"""
printf '%s\\n' "$@" > {tmp_path}/arguments
for option; do case "$option" in IdentityFile=*) file=$(eval echo "${{option#IdentityFile=}}");; esac; done
ssh-keygen -y -f "$file" > {tmp_path}/public || exit 9
for last; do :; done
exec sh -c "$last"
"""
    monkeypatch.setenv("PATH", fake_ssh(tmp_path / "bin", script))
    fetch(repository, over_ssh(origin), addresses=("192.0.2.1",), credential=key)
    public = (tmp_path / "key.pub").read_text().split()[:2]
    assert (tmp_path / "public").read_text().split()[:2] == public
    arguments = (tmp_path / "arguments").read_text()
    assert {"IdentitiesOnly=yes", "IdentityAgent=none", "ForwardAgent=no"} <= set(arguments.splitlines())
    assert "PRIVATE KEY" not in arguments


def test_ssh_itself_takes_the_key_file(key: Credential) -> None:
    with offered(key) as login:
        assert login is not None
        command = ["ssh", "-G", "-F", "/dev/null", "-o", f'IdentityFile="{login.file}"', "example.org"]
        settings = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"identityfile {login.file}" in settings.splitlines()


def test_a_login_of_another_kind_is_left_out(
    repository: Repository, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", fake_ssh(tmp_path / "bin", f"printf '%s\\n' \"$@\" > {tmp_path}/arguments; exit 255"))
    with pytest.raises(GitError):
        list_branches(repository, over_ssh(origin), addresses=("192.0.2.1",))
    assert "IdentityFile=none" in (tmp_path / "arguments").read_text().splitlines()


@pytest.mark.parametrize(("question", "answer"), [("Password for 'https://a': ", SECRET), ("Username for 'x': ", "")])
def test_only_the_password_is_told(question: str, answer: str) -> None:
    with offered(TOKEN) as login:
        assert login is not None
        variables = {"PATH": os.environ["PATH"], "QUARTERDECK_SECRET_FILE": str(login.file)}
        done = subprocess.run([ASKPASS, question], env=variables, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == (answer, 0 if answer else 1)
