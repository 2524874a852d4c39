import pytest

from runs.execution.network.allowlist import Allowlist

pytestmark = pytest.mark.plumbing

ALLOWLIST = Allowlist(["example.com", "*.Example.org", "git.example.net:22", "192.0.2.1"])


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("example.com", 443), ("EXAMPLE.com", 80), ("example.com.", 443), ("a.example.org", 443),
        ("a.b.example.org", 443), ("git.example.net", 22), ("192.0.2.1", 443),
    ],
)  # fmt: skip
def test_what_is_named_is_let_through(host: str, port: int) -> None:
    assert ALLOWLIST.lets_through(host, port)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("a.example.com", 443), ("example.org", 443), ("evil-example.org", 443), ("example.com.evil.org", 443),
        ("example.com", 22), ("git.example.net", 443), ("", 443), (".", 443), ("example.com..", 443), ("com", 443),
    ],
)  # fmt: skip
def test_nothing_else_is(host: str, port: int) -> None:
    assert not ALLOWLIST.lets_through(host, port)
