"""Leave to talk to a project's remote: its address under the operator's params, its host checked each time anew."""

from config.api.params import read
from projects.git.hosts import resolve_host
from projects.git.urls import RemoteUrl, parse_remote_url


def parse_allowed(url: str) -> RemoteUrl:
    """The address, if the operator's params allow its kind; RemoteRefused says why not."""
    return parse_remote_url(
        url,
        allow_local=read("safety.allow_local_repositories"),
        allow_private_hosts=read("safety.allow_private_hosts"),
    )


def locate(url: str) -> tuple[RemoteUrl, tuple[str, ...]]:
    """The remote and the addresses to connect to, both checked now: names and params may have changed since."""
    remote = parse_allowed(url)
    return remote, resolve_host(remote, allow_private_hosts=read("safety.allow_private_hosts"))
