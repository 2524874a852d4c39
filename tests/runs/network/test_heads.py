"""What a request to the proxy asks for is read in one way only."""

import pytest

from runs.execution.network.errors import ProxyRefusal
from runs.execution.network.heads import read_head

pytestmark = pytest.mark.plumbing


def test_a_tunnel_is_a_host_and_a_port() -> None:
    head = read_head(b"CONNECT Example.com:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\n")

    assert (head.host, head.port, head.is_tunnel) == ("Example.com", 443, True)


def test_a_request_is_passed_on_as_its_host_expects_it() -> None:
    head = read_head(
        b"POST http://example.com/a?b=c HTTP/1.1\r\nHost: elsewhere\r\nProxy-Authorization: x\r\nConnection: X-Own\r\n"
        b"X-Own: 1\r\nAccept: */*\r\nContent-Length: 3\r\n\r\n"
    )

    assert (head.host, head.port, head.length) == ("example.com", 80, 3)
    assert head.passed_on == (
        b"POST /a?b=c HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
    )


def test_another_port_is_in_the_host_field() -> None:
    head = read_head(b"GET http://example.com:8080?x HTTP/1.1\r\n\r\n")

    assert head.passed_on.startswith(b"GET /?x HTTP/1.1\r\nHost: example.com:8080\r\n")


@pytest.mark.parametrize(
    "request_line",
    [
        "CONNECT example.com HTTP/1.1", "CONNECT example.com:0 HTTP/1.1", "CONNECT example.com:65536 HTTP/1.1",
        "CONNECT unix:/run/x.sock:1 HTTP/1.1", "CONNECT /run/x.sock HTTP/1.1", "CONNECT a@example.com:443 HTTP/1.1",
        "CONNECT example.com:443:80 HTTP/1.1", "CONNECT example.com:443 HTTP/1.1 HTTP/1.1",
        "CONNECT example.com:+443 HTTP/1.1", "CONNECT example.com%00.org:443 HTTP/1.1",
        "GET / HTTP/1.1", "GET https://example.com/ HTTP/1.1", "GET http://user@example.com/ HTTP/1.1",
        "GET http:///x HTTP/1.1", "GET unix:/run/x HTTP/1.1", "GET http://example.com#x HTTP/1.1",
        "GET  http://example.com/ HTTP/1.1", "GET http://example.com/ HTTP/2.0", "",
    ],
)  # fmt: skip
def test_what_is_no_clear_target_is_refused(request_line: str) -> None:
    with pytest.raises(ProxyRefusal) as caught:
        read_head(f"{request_line}\r\nHost: example.com\r\n\r\n".encode())

    assert caught.value.status == 400


@pytest.mark.parametrize(
    "fields",
    [
        "Content-Length: 1\r\nContent-Length: 2", "Content-Length: 1\r\nContent-Length: 1", "Content-Length: +1",
        "Content-Length: 1, 1", "Content-Length: 0x1", "Content-Length: -1",
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: xchunked", "Transfer-Encoding : chunked", " Transfer-Encoding: chunked",
        "A: b\nHost: x", "A: b\rHost: x", "A: b\0c", "no-colon", ": x",
    ],
)  # fmt: skip
def test_what_two_readers_could_read_in_two_ways_is_refused(fields: str) -> None:
    with pytest.raises(ProxyRefusal) as caught:
        read_head(f"POST http://example.com/ HTTP/1.1\r\n{fields}\r\n\r\n".encode())

    assert caught.value.status == 400
