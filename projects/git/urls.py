"""Addresses of remote repositories: what is accepted, and in which form; refuses the rest and never echoes it."""

import os
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from projects.git.errors import RemoteRefused

Scheme = Literal["https", "http", "ssh", "git", "file"]

DEFAULT_PORTS: dict[str, int] = {"https": 443, "http": 80, "ssh": 22, "git": 9418}
MAXIMUM_LENGTH = 2000
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\]")
_USER = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.+-]{0,63}")
_SCP_LIKE = re.compile(r"(?:(?P<user>[^@:/]+)@)?(?P<host>\[[^\]/]*\]|[^@:/\[\]]+):(?P<path>.+)")
_SECRET_LIKE = re.compile(r"gh[a-z]_.*|github_pat_.*|glpat-.*|x-.*-token.*|(?=.*\d).{20,}")


@dataclass(frozen=True)
class RemoteUrl:
    """One accepted address. `text` is what git is given: no password, no query, never starting with a dash.

    `host` is ASCII, without brackets, empty for `file`; `port` is always filled in (0 for `file`); `path` starts
    with `/` except in the scp-like form, where it may be relative to the remote user's home. `ca_bundle` is a file of
    the authorities that an https host's certificate may come from; empty: those that the system knows.
    """

    scheme: Scheme
    host: str
    port: int
    path: str
    user: str | None
    text: str
    ca_bundle: str = ""


def parse_remote_url(url: str, *, allow_local: bool, allow_private_hosts: bool = False) -> RemoteUrl:
    """Read https, ssh, git and scp-like addresses, and local ones where the operator allows them.

    Raises RemoteRefused: `invalid-url`, `credentials-in-url`, `transport-not-allowed`, `local-not-allowed`. Plain http
    needs `allow_private_hosts`, and `resolve_host` then takes it for private hosts only.
    """
    if not url or len(url) > MAXIMUM_LENGTH or url.startswith("-") or not url.isprintable() or " " in url:
        raise _invalid()
    if "\\" in url:
        raise _invalid()
    if re.match(r"[A-Za-z0-9][A-Za-z0-9+.-]*::", url):
        raise _transport()
    if "://" in url:
        return _parse_with_scheme(url, allow_local=allow_local, allow_private_hosts=allow_private_hosts)
    if url.startswith("/"):
        return _local(url, allow_local=allow_local)
    return _parse_scp_like(url)


def _parse_with_scheme(url: str, *, allow_local: bool, allow_private_hosts: bool) -> RemoteUrl:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _invalid() from None
    scheme = parts.scheme.lower()
    if scheme == "file":
        if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
            raise _invalid()
        return _local(unquote(parts.path), allow_local=allow_local)
    if scheme == "https" or scheme == "ssh" or scheme == "git" or (scheme == "http" and allow_private_hosts):
        _check_no_secret(parts)
        return _networked(scheme, parts, port)  # type: ignore[arg-type]  # narrowed by the line above
    raise _transport()


def _check_no_secret(parts: SplitResult) -> None:
    """A password, a user name that looks like a token, a query: each a place where people leave secrets."""
    looks_secret = parts.username is not None and _SECRET_LIKE.fullmatch(unquote(parts.username)) is not None
    if parts.password is not None or looks_secret or parts.query:
        raise _credentials()


def _networked(scheme: Scheme, parts: SplitResult, port: int | None) -> RemoteUrl:
    host = _ascii_host(parts.netloc.rpartition("@")[2])
    user = parts.username
    if user is not None and not _USER.fullmatch(user):
        raise _invalid()
    if parts.fragment or len(parts.path) < 2 or not parts.path.startswith("/") or port == 0:
        raise _invalid()
    if scheme != "ssh":
        user = None
    bare_host = host.strip("[]")
    text = f"{scheme}://{user + '@' if user else ''}{host}{f':{port}' if port else ''}{parts.path}"
    return RemoteUrl(scheme, bare_host, port or DEFAULT_PORTS[scheme], parts.path, user, text)


def _parse_scp_like(url: str) -> RemoteUrl:
    """`user@host:path` as in git-clone(1): there is a colon before the first slash."""
    if "@" in url.partition("/")[0] and url.partition("/")[0].count(":") > 1 and "[" not in url:
        raise _credentials()
    match = _SCP_LIKE.fullmatch(url)
    if match is None:
        raise _invalid()
    user, host, path = match["user"], _ascii_host(match["host"]), match["path"]
    if (user is not None and not _USER.fullmatch(user)) or path.startswith("-") or len(host) == 1:
        raise _invalid()
    text = f"{user + '@' if user else ''}{host}:{path}"
    return RemoteUrl("ssh", host.strip("[]"), DEFAULT_PORTS["ssh"], path, user, text)


def _local(path: str, *, allow_local: bool) -> RemoteUrl:
    if not allow_local:
        raise RemoteRefused(
            "Repositories on the server's own disk are not allowed. Its operator can allow them.",
            code="local-not-allowed",
        )
    if not path.startswith("/") or not path.isprintable():
        raise _invalid()
    path = os.path.normpath("/" + path.lstrip("/"))
    return RemoteUrl("file", "", 0, path, None, path)


def _ascii_host(netloc: str) -> str:
    """The host part, lower case, international names in their ASCII form (RFC 3490), IPv6 in brackets."""
    host = netloc if netloc.endswith("]") else re.sub(r":\d*$", "", netloc)
    try:
        ascii_host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        raise _invalid() from None
    if not _HOST.fullmatch(ascii_host):
        raise _invalid()
    return ascii_host.lower()


def _invalid() -> RemoteRefused:
    return RemoteRefused(
        "This is not the address of a Git repository. Use https://host/path, ssh://user@host/path or user@host:path.",
        code="invalid-url",
    )


def _transport() -> RemoteRefused:
    return RemoteRefused(
        "This transport is not allowed. Use an https, ssh or git address.", code="transport-not-allowed"
    )


def _credentials() -> RemoteRefused:
    return RemoteRefused(
        "The address holds a password, token or query. Give the address without it, and the login as the project's "
        "credential.",
        code="credentials-in-url",
    )
