import pytest

from projects.git.errors import HostNotFound, RemoteRefused
from projects.git.hosts import is_public, resolve_host
from projects.git.urls import parse_remote_url

pytestmark = pytest.mark.plumbing


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104
        "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "169.254.169.254"])
def test_private_hosts_are_refused_however_they_are_written(host: str) -> None:
    remote = parse_remote_url(f"https://{host}/a", allow_local=False)
    with pytest.raises(RemoteRefused) as caught:
        resolve_host(remote, allow_private_hosts=False)
    assert caught.value.code == "private-host"


def test_private_hosts_resolve_where_the_operator_allows_them() -> None:
    remote = parse_remote_url("https://127.0.0.1/a", allow_local=False)
    assert resolve_host(remote, allow_private_hosts=True) == ("127.0.0.1",)


def test_plain_http_to_a_public_address_is_refused() -> None:
    remote = parse_remote_url("http://8.8.8.8/a", allow_local=False, allow_private_hosts=True)
    with pytest.raises(RemoteRefused) as caught:
        resolve_host(remote, allow_private_hosts=True)
    assert caught.value.code == "transport-not-allowed"


def test_an_unknown_host_is_told_by_name() -> None:
    remote = parse_remote_url("https://no-such-host.invalid/a", allow_local=False)
    with pytest.raises(HostNotFound, match=r"no-such-host\.invalid"):
        resolve_host(remote, allow_private_hosts=False)


def test_a_local_repository_has_no_host() -> None:
    assert resolve_host(parse_remote_url("/srv/a", allow_local=True), allow_private_hosts=False) == ()
