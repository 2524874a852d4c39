"""Pages of other origins in a browser that is signed in at the console: they read no stream unless they are listed, and
then only with a token of their own. Cookies are of a host, whatever the port, so a page on another port is the test."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.chromium import Browser
from tests.browser.console import Console, follow, is_closed, told
from tests.flows.client import Client
from tests.flows.log_writer import writing
from tests.flows.test_places import may_open_one
from tests.serving import StartServer, wait_until

pytestmark = pytest.mark.browser
READ = """async (address, headers, credentials) => {
  try {
    const answer = await fetch(address, { headers, credentials });
    return `${answer.status} ${await answer.text()}`;
  } catch (error) {
    return String(error);
  }
}"""

# What every page may send: nothing of the answer is shown to it, but the answer comes.
OPAQUE = """async (address) => {
  window.held = [];
  for (let number = 0; number < 5; number += 1)
    held.push(await fetch(address, { mode: "no-cors", credentials: "include" }));
}"""


class EmptyPage(BaseHTTPRequestHandler):
    """A page without anything, at every address."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Other</title>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Says nothing."""


@pytest.fixture
def other_port() -> Iterator[int]:
    """The port of another server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(30)


def test_a_page_of_another_origin_reads_no_stream(start_server: StartServer, browser: Browser, other_port: int) -> None:
    """Neither on the same host, where the cookie is sent along, nor on another; and it keeps none of the places."""
    server = start_server()
    client = Client(server)
    console = Console(browser, server.address)
    console.sign_in()
    with writing(server, 3) as writer:
        stream = f"{server.address}/api/runs/{writer.run}/events/stream"
        bearer = {"Authorization": client.http.headers["Authorization"]}
        for host in ("127.0.0.1", "localhost"):
            page = console.open("/", f"http://{host}:{other_port}")
            for _ in range(5):
                follow(page, stream, withCredentials=True)
                wait_until(lambda: is_closed(page))  # noqa: B023 - it is over before the next one
                assert (told(page)["opens"], told(page)["events"]) == (0, [])
            for headers in ({}, bearer):
                said = page.call(READ, f"{stream}?follow=false", headers, "include")
                assert said == "TypeError: Failed to fetch"
        wait_until(lambda: may_open_one(client))
        page = console.open("/", f"http://127.0.0.1:{other_port}")
        page.call(OPAQUE, stream)
        wait_until(lambda: may_open_one(client))
    console.close()


def test_a_listed_origin_reads_with_a_token_and_never_with_the_cookie(
    start_server: StartServer, browser: Browser, other_port: int
) -> None:
    origin = f"http://127.0.0.1:{other_port}"
    server = start_server(QUARTERDECK_PARAM_API_CORS_ORIGINS=json.dumps([origin]))
    client = Client(server)
    console = Console(browser, server.address)
    console.sign_in()
    with writing(server, 3) as writer:
        stream = f"{server.address}/api/runs/{writer.run}/events/stream"
        page = console.open("/", origin)
        resumed = {
            "Authorization": client.http.headers["Authorization"],
            "Last-Event-ID": str(writer.rows()[0]["id"]),
        }
        said = page.call(READ, f"{stream}?follow=false", resumed, "omit")
        lines = [line[6:] for line in said.split("\n") if line.startswith("data: ")]
        assert said.startswith("200 retry: ")
        assert [json.loads(line) for line in lines] == writer.rows()[1:]

        follow(page, stream, withCredentials=True)
        wait_until(lambda: is_closed(page))
        assert (told(page)["opens"], told(page)["events"]) == (0, [])
        assert page.call(READ, f"{stream}?follow=false", {}, "omit").startswith("401 ")
    console.close()
