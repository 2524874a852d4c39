"""The web server's edge, spoken to byte by byte: bodies are bounded before they are kept, refusals are problems."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.api.body_limit import MAX_BODY_BYTES
from tests.config.web_process import Answer, Web, read, serving

pytestmark = pytest.mark.plumbing
TOKEN = b"POST /api/auth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Request-ID: mine\r\n"
PIECE = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with serving(tmp_path_factory.mktemp("web")) as started:
        yield started


def test_a_declared_body_over_the_limit_is_refused_before_it_is_sent(web: Web) -> None:
    answer = web.say(TOKEN + b"Content-Length: 10000000\r\n\r\n")
    assert answer.problem["code"] == "body-too-large"
    assert (answer.status, answer.headers["X-Request-ID"]) == (413, "mine")
    assert answer.headers["Connection"] == "close"


def test_a_body_in_chunks_is_refused_as_soon_as_it_is_too_long(web: Web) -> None:
    answer = web.say(TOKEN + b"Transfer-Encoding: chunked\r\n\r\n", *[PIECE] * 33)
    assert (answer.status, answer.problem["code"]) == (413, "body-too-large")
    assert answer.headers["X-Request-ID"] == "mine"


@pytest.mark.parametrize("header", [b"Content-Length: 10000000", b"Transfer-Encoding: chunked"])
def test_a_client_that_goes_on_sending_still_reads_the_refusal(web: Web, header: bytes) -> None:
    with web.connected() as connection:
        connection.sendall(TOKEN + header + b"\r\n\r\n")
        for _ in range(150):
            connection.sendall(PIECE)
        assert read(connection).status == 413


def test_a_body_of_exactly_the_limit_reaches_the_application(web: Web) -> None:
    close = b"Connection: close\r\nContent-Length: %d\r\n\r\n" % MAX_BODY_BYTES
    assert web.say(TOKEN + close, b"x" * MAX_BODY_BYTES).problem["code"] == "malformed-json"


def test_a_body_is_never_written_to_disk(web: Web) -> None:
    with web.connected() as connection:
        connection.sendall(TOKEN + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(31):
            connection.sendall(PIECE)
        targets = [str(each.readlink()) for each in _descriptors(web.process.pid)]
    assert [target for target in targets if "(deleted)" in target] == []


def _descriptors(pid: int) -> list[Path]:
    return [each for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()]


def test_a_client_that_asks_first_is_not_told_to_go_on(web: Web) -> None:
    answer = web.say(TOKEN + b"Expect: 100-continue\r\nContent-Length: 10000000\r\n\r\n")
    assert answer.status == 413


def test_what_follows_a_body_that_was_cut_off_is_no_request(web: Web) -> None:
    follows = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = web.say(TOKEN + b"Content-Length: 10000000\r\n\r\n" + follows)
    assert answer.whole.count(b"HTTP/1.1 ") == 1


def test_the_next_connection_is_served_as_ever(web: Web) -> None:
    web.say(TOKEN + b"Content-Length: 10000000\r\n\r\n")
    assert web.say(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").status == 200


GET = b"GET /api/meta HTTP/1.1\r\nHost: x\r\n"
NOT_HTTP = {
    "nonsense": b"NONSENSE\r\n\r\n",
    "no name": GET + b"no colon here\r\n\r\n",
    "a NUL in a header": GET + b"X-Request-ID: a\0b\r\n\r\n",
    "two lengths": TOKEN + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a length and chunks": TOKEN + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a length that is no number": TOKEN + b"Content-Length: -5\r\n\r\n",
    "chunks that are none": TOKEN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "600 headers": GET + b"A: b\r\n" * 600 + b"\r\n",
    "20 kB of headers": GET + b"A: " + b"b" * 20_000 + b"\r\n\r\n",
    "a form that is none": b"POST /api/projects HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data\r\n"
    b"Content-Length: 1\r\n\r\nx",
}


@pytest.mark.parametrize("request_bytes", NOT_HTTP.values(), ids=NOT_HTTP.keys())
def test_what_is_no_http_is_a_bad_request(web: Web, request_bytes: bytes) -> None:
    answer = web.say(request_bytes)
    assert answer.problem["code"] == "bad-request"
    assert answer.headers["X-Request-ID"]
    assert answer.whole.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("line", [b"GET /api/\xff HTTP/1.1", b"GET /api/meta?\xff HTTP/1.1"])
def test_an_address_that_is_not_ascii_is_a_bad_request(web: Web, line: bytes) -> None:
    answer = web.say(line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.problem["code"] == "bad-request"


@pytest.mark.parametrize("value", [b"a\x0bb", b"\x1c", b"\x85"])
def test_a_header_with_control_characters_is_a_bad_request(web: Web, value: bytes) -> None:
    answer = web.say(GET + b"A: " + value + b"\r\nX-Request-ID: mine\r\nConnection: close\r\n\r\n")
    assert (answer.problem["code"], answer.headers["X-Request-ID"]) == ("bad-request", "mine")


def test_there_are_no_websockets(web: Web) -> None:
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n"
    answer = web.say(b"GET /api/nothing HTTP/1.0\r\nHost: x\r\n" + upgrade + b"Sec-WebSocket-Version: 13\r\n\r\n")
    assert (answer.status, answer.problem["code"]) == (404, "not-found")


@pytest.mark.parametrize("offered", [b"a b", b"x" * 65, b"<script>", b""])
def test_a_request_id_that_could_harm_a_log_is_replaced_at_the_edge_too(web: Web, offered: bytes) -> None:
    answer = web.say(b"GET /api/nothing HTTP/1.0\r\nHost: x\r\nX-Request-ID: " + offered + b"\r\n\r\n")
    assert answer.headers.get_all("X-Request-ID") != [offered.decode()]
    assert len(answer.headers.get_all("X-Request-ID") or []) == 1


def test_a_file_that_is_not_there_is_a_problem_with_a_request_id(web: Web) -> None:
    answer = web.say(b"GET /static/none.css HTTP/1.0\r\nHost: x\r\nX-Request-ID: mine\r\n\r\n")
    assert (answer.problem["code"], answer.headers["X-Request-ID"]) == ("not-found", "mine")


STREAMS = ["/api/events/stream", "/api/runs/1/events/stream"]


def _ask_stream(web: Web, path: str, method: str = "GET") -> Answer:
    lines = [f"{method} {path} HTTP/1.0", "Host: x", "X-Request-ID: mine", "Accept: text/event-stream"]
    return web.say("\r\n".join([*lines, "", ""]).encode())


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_that_nobody_may_open_is_a_problem_with_a_request_id(web: Web, path: str) -> None:
    answer = _ask_stream(web, path)
    assert (answer.problem["code"], answer.headers["X-Request-ID"]) == ("unauthenticated", "mine")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_a_stream_takes_no_other_method(web: Web, path: str, method: str) -> None:
    answer = _ask_stream(web, path, method)
    assert (answer.problem["code"], answer.headers["Allow"]) == ("method-not-allowed", "GET")


@pytest.mark.parametrize("path", ["/api/events/stream/", "/api/runs/x/events/stream", "/api/runs/1/events/stream/x"])
def test_an_address_beside_a_stream_is_not_found(web: Web, path: str) -> None:
    assert _ask_stream(web, path).problem["code"] == "not-found"


@pytest.mark.parametrize("path", ["/api/projects", "/api/events/stream"])
def test_a_failure_is_in_the_log_under_the_id_that_the_client_gets(web: Web, path: str) -> None:
    request_id = f"mine-{path.count('/')}-{len(path)}"
    lines = [f"GET {path} HTTP/1.0", "Host: x", f"X-Request-ID: {request_id}", "Authorization: Bearer 1|x", "", ""]
    answer = web.say("\r\n".join(lines).encode())  # there is no database: the token cannot be looked up
    assert (answer.status, answer.problem["requestId"]) == (500, request_id)
    assert f"[{request_id}]" in web.log.read_text()


def test_a_request_that_trickles_is_given_up(tmp_path: Path) -> None:
    with serving(tmp_path, request_seconds=0.5) as web, web.connected() as connection:
        connection.sendall(TOKEN + b"Content-Length: 1000\r\n\r\n")
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() < began + 15:
                connection.sendall(b"x")
                time.sleep(0.05)  # the trickle itself
        assert time.monotonic() < began + 15
