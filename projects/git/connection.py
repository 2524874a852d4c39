"""How git connects to a remote: to the checked addresses only, as nobody or with the project's own credential."""

import contextlib
import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from projects.git.credentials import ASKPASS, Login
from projects.git.errors import HostUnreachable
from projects.git.repository import Repository
from projects.git.urls import DEFAULT_PORTS, RemoteUrl

Result = TypeVar("Result")

# A local repository is other people's data: its hooks, filters and helpers would run as the server.
_LOCAL_SERVICE = (
    "git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.alternateRefsCommand= -c receive.autogc=false "
    "-c receive.denyCurrentBranch=refuse -c gc.auto=0 -c maintenance.auto=false "
)
UPLOAD_PACK = _LOCAL_SERVICE + "upload-pack"
RECEIVE_PACK = _LOCAL_SERVICE + "receive-pack"


@dataclass(frozen=True)
class Connection:
    """One way to reach a remote: the URL for git's argv, and what goes into its environment and configuration."""

    url: str
    environment: dict[str, str]
    config: tuple[tuple[str, str], ...]
    is_local: bool = False
    has_login: bool = False


def connections(
    repository: Repository, remote: RemoteUrl, addresses: Sequence[str], login: Login | None = None
) -> tuple[Connection, ...]:
    """The ways to try, in order. `addresses` come from `resolve_host`; git itself looks up no name.

    http and https: curl is told the addresses (`http.curloptResolve`, git 2.37 and newer; older gits look the name up
    again). ssh: the address is HostName, the name stays as HostKeyAlias. git: the address stands in the URL, the name
    is passed on as the virtual host. Redirects are not followed. A login of another kind than the remote takes is left
    out.
    """
    if remote.scheme == "file":
        return (Connection(remote.text, {"GIT_ALLOW_PROTOCOL": "file"}, (), is_local=True),)
    if not addresses:
        raise ValueError("addresses of the remote are needed: see resolve_host")
    if remote.scheme == "ssh":
        return tuple(_by_ssh(repository, remote, address, login) for address in addresses)
    if remote.scheme == "git":
        return tuple(_by_git(remote, address) for address in addresses)
    return (_by_http(remote, addresses, login),)


def reach(ways: Sequence[Connection], attempt: Callable[[Connection], Result]) -> Result:
    """The result of the first way on which the host answers at all; other errors end the search."""
    *earlier, last = ways
    for way in earlier:
        with contextlib.suppress(HostUnreachable):
            return attempt(way)
    return attempt(last)


def _by_http(remote: RemoteUrl, addresses: Sequence[str], login: Login | None) -> Connection:
    variables: dict[str, str] = {"GIT_ALLOW_PROTOCOL": remote.scheme}
    joined = ",".join(_bracketed(address) for address in addresses)
    config = [("http.proxy", "")]
    if remote.ca_bundle:
        config.append(("http.sslCAInfo", remote.ca_bundle))
    if remote.host not in addresses:
        config.append(("http.curloptResolve", f"{remote.host}:{remote.port}:{joined}"))
    if login is not None and login.kind == "https_token":
        config.append(("credential.username", login.username))
        variables["GIT_ASKPASS"] = os.fspath(ASKPASS)
        variables["QUARTERDECK_SECRET_FILE"] = os.fspath(login.file)
    return Connection(remote.text, variables, tuple(config), has_login="GIT_ASKPASS" in variables)


def _by_git(remote: RemoteUrl, address: str) -> Connection:
    url = f"git://{_bracketed(address)}:{remote.port}{remote.path}"
    name = remote.host if remote.port == DEFAULT_PORTS["git"] else f"{_bracketed(remote.host)}:{remote.port}"
    variables = {"GIT_ALLOW_PROTOCOL": "git", "GIT_OVERRIDE_VIRTUAL_HOST": name}
    return Connection(url, variables, ())


def _by_ssh(repository: Repository, remote: RemoteUrl, address: str, login: Login | None) -> Connection:
    """None of the server's own keys, agents or settings: they are not the project's to use."""
    identity = f'"{login.file}"' if login is not None and login.kind == "ssh_key" else "none"
    known_hosts = os.fspath(repository.known_hosts).replace("%", "%%")
    options = (
        "BatchMode=yes",
        f"HostName={address}",
        f"HostKeyAlias={remote.host}",
        "StrictHostKeyChecking=accept-new",
        f'UserKnownHostsFile="{known_hosts}"',
        "GlobalKnownHostsFile=/dev/null",
        f"IdentityFile={identity}",
        "IdentityAgent=none",
        "IdentitiesOnly=yes",
        "ForwardAgent=no",
        "ClearAllForwardings=yes",
        "PermitLocalCommand=no",
        "ControlMaster=no",
        "ConnectTimeout=20",
        "ServerAliveInterval=15",
        "LogLevel=ERROR",
    )
    command = shlex.join(["ssh", "-F", "/dev/null", *(part for option in options for part in ("-o", option))])
    config = (("core.sshCommand", command),)
    return Connection(remote.text, {"GIT_ALLOW_PROTOCOL": "ssh"}, config, has_login=identity != "none")


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
