"""The browser's own `EventSource` on pages of the console: after every break it has all events once, in order."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.browser.chromium import Browser
from tests.browser.console import Console, follow, is_closed, told
from tests.flows.client import Client
from tests.flows.cutting_proxy import cutting
from tests.flows.interruptions import kill_web, restart
from tests.flows.log_writer import LogWriter, writing
from tests.flows.page_examples import example
from tests.serving import Server, StartServer, wait_until

pytestmark = pytest.mark.browser
interrupted = pytest.mark.parametrize("interrupt", [kill_web, restart], ids=["web process killed", "restarted"])
Interrupt = Callable[[Server, StartServer, Callable[[], None]], None]
COUNTED = "source.readyState === 1 && told.opens"


@pytest.fixture
def server(start_server: StartServer) -> Server:
    return start_server()


@pytest.fixture
def writer(server: Server) -> Iterator[LogWriter]:
    with writing(server, 30) as started:
        yield started


@pytest.fixture
def console(browser: Browser, server: Server) -> Iterator[Console]:
    made = Console(browser, server.address)
    yield made
    made.close()


def stream_of(writer: LogWriter) -> str:
    return f"/api/runs/{writer.run}/events/stream"


@interrupted
def test_it_resumes_by_itself(
    server: Server, start_server: StartServer, writer: LogWriter, console: Console, interrupt: Interrupt
) -> None:
    page = console.sign_in()
    follow(page, stream_of(writer))
    wait_until(lambda: len(told(page)["events"]) == 30)
    writer.append(30)
    interrupt(server, start_server, lambda: writer.append(30))
    writer.append(5)
    wait_until(lambda: len(told(page)["events"]) >= 95)
    seen = told(page)
    assert seen["events"] == writer.rows()
    assert seen["ids"] == [row["id"] for row in seen["events"]]
    assert (seen["opens"], seen["errors"] >= 1) == (2, True)


def test_cut_off_at_any_byte_it_has_each_event_once(server: Server, writer: LogWriter, browser: Browser) -> None:
    with cutting(server.address, seed=5, most_bytes=6000) as proxy:
        console = Console(browser, proxy.address)
        page = console.sign_in()
        writer.append(100)
        follow(page, stream_of(writer))
        wait_until(lambda: len(proxy.places) > 5, 120)
        proxy.is_cutting = False
        wait_until(lambda: len(told(page)["events"]) >= 130, 120)
        assert told(page)["events"] == writer.rows()
        assert proxy.places[0] is None
        console.close()


def test_a_ping_tells_it_how_far_a_filtered_stream_is(server: Server, writer: LogWriter, browser: Browser) -> None:
    with cutting(server.address, seed=5) as proxy:
        proxy.is_cutting = False
        console = Console(browser, proxy.address)
        page = console.sign_in()
        follow(page, f"{stream_of(writer)}?eventTypes=log")
        wait_until(lambda: page.evaluate(COUNTED) == 1)
        writer.append(1)
        wait_until(lambda: proxy.pings)
        proxy.cut_all()
        wait_until(lambda: page.evaluate(COUNTED) == 2)
        assert proxy.places == [None, str(writer.last_id())]
        assert told(page)["events"] == []
        console.close()


def test_without_follow_it_comes_back_and_gets_nothing_twice(writer: LogWriter, console: Console) -> None:
    page = console.sign_in()
    follow(page, f"{stream_of(writer)}?follow=false")
    wait_until(lambda: told(page)["opens"] >= 2)
    assert told(page)["events"] == writer.rows()
    page.evaluate("source.close()")
    assert is_closed(page)


def test_the_end_of_the_session_ends_it_for_good(writer: LogWriter, console: Console) -> None:
    page, other = console.sign_in(), console.open("/admin/")
    follow(page, stream_of(writer))
    wait_until(lambda: len(told(page)["events"]) == 30)
    console.sign_out(other)
    wait_until(lambda: is_closed(page))
    writer.append(1)
    assert page.evaluate(f'fetch("{stream_of(writer)}").then((answer) => answer.status)') == 401
    assert len(told(page)["events"]) == 30


@interrupted
def test_the_user_stream_resumes_too(
    server: Server, start_server: StartServer, writer: LogWriter, console: Console, interrupt: Interrupt
) -> None:
    page = console.sign_in()
    follow(page, "/api/events/stream")
    wait_until(lambda: page.evaluate(COUNTED) == 1)
    # It has told nothing yet, and knows its place all the same.
    interrupt(server, start_server, lambda: writer.append(3, "run_paused"))
    writer.append(2, "run_resumed")
    writer.append(2)

    def of_run() -> list[dict[str, Any]]:
        return [event for event in told(page)["events"] if event["runId"] == writer.run]

    wait_until(lambda: len(of_run()) >= 5)
    assert of_run() == [row for row in writer.rows() if row["eventType"] in ("run_paused", "run_resumed")]


def test_the_pages_example_opens_again_after_a_refusal(server: Server, writer: LogWriter, console: Console) -> None:
    """A fifth stream is refused, which an `EventSource` takes for the end."""
    page = console.sign_in()
    with ExitStack() as others:
        client = Client(server)
        for _ in range(4):
            others.enter_context(client.http.stream("GET", "/api/events/stream"))
        page.evaluate(example("js") + "window.follow = follow; window.seen = [];")
        page.evaluate(f"window.source = follow({writer.run}, (event) => seen.push(event), () => {{}})")
        wait_until(lambda: is_closed(page))
        assert page.evaluate("seen") == []
    wait_until(lambda: len(page.evaluate("seen")) >= 30)
    assert page.evaluate("seen") == writer.rows()


def test_the_pages_example_ends_with_the_session(writer: LogWriter, console: Console) -> None:
    page, other = console.sign_in(), console.open("/admin/")
    page.evaluate(example("js") + "window.follow = follow; window.seen = []; window.end = 0;")
    page.evaluate(f"void follow({writer.run}, (event) => seen.push(event), (status) => {{ window.end = status; }})")
    wait_until(lambda: len(page.evaluate("seen")) == 30)
    console.sign_out(other)
    wait_until(lambda: page.evaluate("end") == 401)
