import pytest

from projects.git.errors import RemoteRefused
from projects.git.urls import parse_remote_url

pytestmark = pytest.mark.plumbing


@pytest.mark.parametrize(
    ("given", "scheme", "host", "port", "path", "text"),
    [
        ("https://example.org/a/b.git", "https", "example.org", 443, "/a/b.git", "https://example.org/a/b.git"),
        ("HTTPS://Example.ORG:8443/a", "https", "example.org", 8443, "/a", "https://example.org:8443/a"),
        ("https://org@dev.azure.com/org/x", "https", "dev.azure.com", 443, "/org/x", "https://dev.azure.com/org/x"),
        ("https://[2001:db8::1]/a", "https", "2001:db8::1", 443, "/a", "https://[2001:db8::1]/a"),
        ("https://bücher.example/a", "https", "xn--bcher-kva.example", 443, "/a", "https://xn--bcher-kva.example/a"),
        ("ssh://git@example.org/a", "ssh", "example.org", 22, "/a", "ssh://git@example.org/a"),
        ("ssh://git@example.org:2222/~u/a", "ssh", "example.org", 2222, "/~u/a", "ssh://git@example.org:2222/~u/a"),
        ("git@example.org:a/b.git", "ssh", "example.org", 22, "a/b.git", "git@example.org:a/b.git"),
        ("example.org:/srv/a", "ssh", "example.org", 22, "/srv/a", "example.org:/srv/a"),
        ("git://example.org/a", "git", "example.org", 9418, "/a", "git://example.org/a"),
        ("file:///srv/a%20b", "file", "", 0, "/srv/a b", "/srv/a b"),
        ("/srv/x/../a", "file", "", 0, "/srv/a", "/srv/a"),
        ("http://127.0.0.1:8000/a", "http", "127.0.0.1", 8000, "/a", "http://127.0.0.1:8000/a"),
    ],
)
def test_accepted_addresses(given: str, scheme: str, host: str, port: int, path: str, text: str) -> None:
    remote = parse_remote_url(given, allow_local=True, allow_private_hosts=True)
    assert (remote.scheme, remote.host, remote.port, remote.path, remote.text) == (scheme, host, port, path, text)


def test_the_user_of_an_ssh_address_is_kept() -> None:
    assert parse_remote_url("deploy@example.org:a", allow_local=False).user == "deploy"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("", "invalid-url"),
        ("a" * 3000, "invalid-url"),
        ("-oProxyCommand=evil", "invalid-url"),
        ("--upload-pack=evil", "invalid-url"),
        ("ssh://-oProxyCommand=evil/a", "invalid-url"),
        ("-oProxyCommand=evil:a", "invalid-url"),
        ("git@-evil:a", "invalid-url"),
        ("-evil@example.org:a", "invalid-url"),
        ("ssh://-evil@example.org/a", "invalid-url"),
        ("git@example.org:-evil", "invalid-url"),
        ("https://example.org/a\nb", "invalid-url"),
        ("https://example.org/a\x00", "invalid-url"),
        ("https://example.org/a b", "invalid-url"),
        ("https://exa$(id)mple.org/a", "invalid-url"),
        ("ssh://git@host;id/a", "invalid-url"),
        ("https://example.org", "invalid-url"),
        ("https://example.org/", "invalid-url"),
        ("https:///a", "invalid-url"),
        ("https://example.org:0/a", "invalid-url"),
        ("https://example.org:99999/a", "invalid-url"),
        ("https://example.org:x/a", "invalid-url"),
        ("https://example.org/a#b", "invalid-url"),
        ("https://[::1/a", "invalid-url"),
        ("C:\\repositories\\a", "invalid-url"),
        ("C:/repositories/a", "invalid-url"),
        ("relative/path", "invalid-url"),
        ("~/a", "invalid-url"),
        ("file://host/a", "invalid-url"),
        ("ext::sh -c evil", "invalid-url"),
        ("ext::evil", "transport-not-allowed"),
        ("fd::17/a", "transport-not-allowed"),
        ("ftp://example.org/a", "transport-not-allowed"),
        ("git+ssh://example.org/a", "transport-not-allowed"),
        ("https://ada:hunter2@example.org/a", "credentials-in-url"),
        ("https://ghp_abcdefghijklmnop@example.org/a", "credentials-in-url"),
        ("https://abc123def456abc123def456@example.org/a", "credentials-in-url"),
        ("https://example.org/a?private_token=hunter2", "credentials-in-url"),
        ("ssh://git:hunter2@example.org/a", "credentials-in-url"),
        ("ada:hunter2@example.org:a", "credentials-in-url"),
    ],
)
def test_refused_addresses(given: str, code: str) -> None:
    with pytest.raises(RemoteRefused) as caught:
        parse_remote_url(given, allow_local=True, allow_private_hosts=True)
    assert caught.value.code == code


@pytest.mark.parametrize("given", ["/srv/a", "file:///srv/a", "file://localhost/srv/a"])
def test_local_addresses_need_the_operators_leave(given: str) -> None:
    with pytest.raises(RemoteRefused) as caught:
        parse_remote_url(given, allow_local=False)
    assert caught.value.code == "local-not-allowed"


def test_plain_http_needs_leave_for_private_hosts() -> None:
    with pytest.raises(RemoteRefused) as caught:
        parse_remote_url("http://example.org/a", allow_local=True, allow_private_hosts=False)
    assert caught.value.code == "transport-not-allowed"


def test_a_refused_password_is_not_echoed() -> None:
    with pytest.raises(RemoteRefused) as caught:
        parse_remote_url("https://ada:hunter2@example.org/a", allow_local=False)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
