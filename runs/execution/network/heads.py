"""The head of a request to a proxy, taken apart strictly: what could be read in two ways is refused (RFC 9112)."""

import re
from dataclasses import dataclass

from runs.execution.network.errors import ProxyRefusal

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # a token (RFC 9110, 5.6.2)
_REQUEST = re.compile(rf"({_WORD}) ([!-~]+) HTTP/1\.([01])")
_FIELD = re.compile(rf"({_WORD}):([\t -~\x80-\xff]*)")
_HOST = r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
_AUTHORITY = re.compile(rf"{_HOST}:([0-9]{{1,5}})")
_ADDRESS = re.compile(rf"http://{_HOST}(?::([0-9]{{1,5}}))?([/?].*)?", re.IGNORECASE)
_OF_THIS_HOP = frozenset({
    "connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "te", "trailer",
    "upgrade", "host", "content-length", "transfer-encoding",
})  # fmt: skip
HTTP_PORT = 80
MAX_LENGTH_DIGITS = 15


@dataclass(frozen=True)
class Head:
    """What is asked for. `length` of the body in bytes, None when it comes in chunks; `passed_on`: what the host gets.

    A tunnel passes on nothing.
    """

    host: str
    port: int
    is_tunnel: bool
    passed_on: bytes = b""
    length: int | None = 0


def read_head(content: bytes) -> Head:
    """Takes the bytes up to the empty line and with it. Raises ProxyRefusal 400."""
    first, *lines = content.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    request = _REQUEST.fullmatch(first)
    if request is None:
        raise ProxyRefusal(400, "That is no request of HTTP/1.1.")
    fields = [_field(line) for line in lines]
    method, target, minor = request.groups()
    if method == "CONNECT":
        host, port, _ = _place(_AUTHORITY.fullmatch(target), "CONNECT takes HOST:PORT.")
        return Head(host, port, is_tunnel=True)
    told = "This is a proxy: ask for http://HOST/PATH, and reach https by CONNECT."
    host, port, rest = _place(_ADDRESS.fullmatch(target), told)
    length = _length(fields, is_old=minor == "0")
    return Head(host, port, False, _passed_on(method, host, port, rest, fields, length), length)


def _field(line: str) -> tuple[str, str]:
    field = _FIELD.fullmatch(line)
    if field is None:
        raise ProxyRefusal(400, "A header field of the request is malformed.")
    return field[1], field[2].strip(" \t")


def _place(found: re.Match[str] | None, otherwise: str) -> tuple[str, int, str]:
    host, port, rest = (*found.groups(), "")[:3] if found else ("", "0", "")
    number = HTTP_PORT if port is None else int(port)
    if not 0 < number < 65536:
        raise ProxyRefusal(400, otherwise)
    rest = rest or "/"
    return host, number, rest if rest.startswith("/") else f"/{rest}"


def _length(fields: list[tuple[str, str]], *, is_old: bool) -> int | None:
    """How the body ends (RFC 9112, 6.3); 400 where a host could see that otherwise."""
    lengths = [value for name, value in fields if name.lower() == "content-length"]
    codings = [value.lower() for name, value in fields if name.lower() == "transfer-encoding"]
    if codings:
        if codings != ["chunked"] or lengths or is_old:
            raise ProxyRefusal(400, "The length of the request's body is not clear.")
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or not re.fullmatch(rf"[0-9]{{1,{MAX_LENGTH_DIGITS}}}", lengths[0]):
        raise ProxyRefusal(400, "The length of the request's body is not clear.")
    return int(lengths[0])


def _passed_on(
    method: str, host: str, port: int, rest: str, fields: list[tuple[str, str]], length: int | None
) -> bytes:
    """One request of a connection that ends with its answer; Host is what was asked for (RFC 9112, 3.2.2)."""
    named = {
        word.strip().lower() for name, value in fields if name.lower() == "connection" for word in value.split(",")
    }
    dropped = _OF_THIS_HOP | named
    kept = [(name, value) for name, value in fields if name.lower() not in dropped]
    if length is None:
        kept.append(("Transfer-Encoding", "chunked"))
    elif length or any(name.lower() == "content-length" for name, _ in fields):
        kept.append(("Content-Length", str(length)))
    place = host if port == HTTP_PORT else f"{host}:{port}"
    lines = [f"{method} {rest} HTTP/1.1", f"Host: {place}", *(f"{name}: {value}" for name, value in kept)]
    return "\r\n".join((*lines, "Connection: close", "", "")).encode("latin-1")
