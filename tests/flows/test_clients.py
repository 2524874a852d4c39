"""Real clients of a run's stream: cut off at any byte, by the death of either side, they end with the table's rows."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

import httpx
import pytest
from httpx_sse import connect_sse

from tests.flows.client import Client
from tests.flows.cutting_proxy import cutting
from tests.flows.interruptions import interrupt_follower, kill_web, restart
from tests.flows.log_writer import writing
from tests.flows.page_examples import example
from tests.serving import StartServer, wait_until

pytestmark = pytest.mark.once
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
Event = dict[str, Any]


interrupted = pytest.mark.parametrize("interrupt", [kill_web, restart], ids=["web process killed", "restarted"])


def whole_events(received: bytes) -> tuple[list[Event], str]:
    """What has arrived whole, and the id after which to go on (WHATWG HTML, section 9.2.6)."""
    events, last_id = [], ""
    for block in received.split(b"\n\n")[:-1]:
        for line in block.split(b"\n"):
            name, _, value = line.partition(b": ")
            if name == b"id":
                last_id = value.decode()
            elif name == b"data":
                events.append(json.loads(value))
    return events, last_id


def curl(client: Client, path: str, last_id: str, **options: Any) -> "subprocess.Popen[bytes]":
    """`curl -N` on its way."""
    headers = [
        f"Authorization: {client.http.headers['Authorization']}",
        *([f"Last-Event-ID: {last_id}"] * bool(last_id)),
    ]
    command = ["curl", "-sN", *(word for header in headers for word in ("-H", header))]
    return subprocess.Popen([*command, f"{client.http.base_url}/api{path}"], **options)


@contextmanager
def curl_into(file: Path, client: Client, path: str, last_id: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`curl -N` that writes to a file, ended at the end."""
    with file.open("wb") as opened, curl(client, path, last_id, stdout=opened) as process:
        try:
            yield process
        finally:
            process.kill()


@needs_curl
def test_curl_killed_at_any_byte_goes_on_where_it_was(start_server: StartServer) -> None:
    server = start_server()
    client = Client(server)
    with writing(server, 100) as writer:
        seen: list[Event] = []
        last_id, chance = "", random.Random(8)  # noqa: S311 - the same cuts each time
        for wanted in (*(chance.randrange(1, 9000) for _ in range(40)), 1 << 30):
            writer.append(10)
            with curl(client, f"/runs/{writer.run}/events/stream?follow=false", last_id, stdout=PIPE) as process:
                assert process.stdout is not None
                events, place = whole_events(process.stdout.read(wanted))
                process.kill()
            seen, last_id = seen + events, place or last_id
        assert seen == writer.rows()


@needs_curl
@interrupted
def test_curl_that_was_cut_off_by_the_server_resumes(
    start_server: StartServer, tmp_path: Path, interrupt: Callable[..., None]
) -> None:
    server = start_server()
    client = Client(server)
    with writing(server, 30) as writer:
        path = f"/runs/{writer.run}/events/stream"
        with curl_into(tmp_path / "first", client, path, "") as process:
            wait_until(lambda: len(whole_events((tmp_path / "first").read_bytes())[0]) == 30)
            writer.append(30)  # these are on their way, or not
            interrupt(server, start_server, lambda: writer.append(30))
            process.wait(30)
        before, last_id = whole_events((tmp_path / "first").read_bytes())
        with curl_into(tmp_path / "second", client, path, last_id):
            writer.append(5)
            newest = str(writer.last_id())
            wait_until(lambda: whole_events((tmp_path / "second").read_bytes())[1] == newest)
        after, _ = whole_events((tmp_path / "second").read_bytes())
        assert before + after == writer.rows()


def read_by_httpx(http: httpx.Client, address: str, last_id: str) -> Iterator[tuple[str, str]]:
    """Id and data of each message until the connection ends, however it does."""
    headers = {"Last-Event-ID": last_id} if last_id else {}
    try:
        with connect_sse(http, "GET", address, headers=headers) as source:
            assert source.response.status_code == 200
            for message in source.iter_sse():
                yield message.id, message.data
    except httpx.TransportError:
        return


def test_httpx_sse_cut_off_at_any_byte_gets_every_event_once(start_server: StartServer) -> None:
    server = start_server()
    client = Client(server)
    with writing(server, 200) as writer, cutting(server.address, seed=8) as proxy:
        address = f"{proxy.address}/api/runs/{writer.run}/events/stream"
        seen: list[Event] = []
        last_id, newest = "", 0
        while len(proxy.places) < 30 or last_id != str(newest):
            writer.append(20 if len(proxy.places) < 30 else 0)
            newest = writer.last_id()
            for place, data in read_by_httpx(client.http, address, last_id):
                last_id = place
                seen += [json.loads(data)] if data else []
                if last_id == str(newest):
                    break
        assert seen == writer.rows()


@contextmanager
def following(command: Sequence[str | Path], file: Path, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A program that prints each event as a line to a file, ended at the end."""
    with file.open("wb") as opened, subprocess.Popen(command, stdout=opened, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def printed(file: Path) -> list[Event]:
    """The whole lines of a file, as JSON."""
    return [json.loads(line) for line in file.read_bytes().split(b"\n")[:-1]]


@interrupted
def test_the_pages_python_example_resumes_by_itself(
    start_server: StartServer, tmp_path: Path, interrupt: Callable[..., None]
) -> None:
    server = start_server()
    client = Client(server)
    with writing(server, 30) as writer, ExitStack() as programs:
        (tmp_path / "follow.py").write_text(example("python"))
        process = programs.enter_context(
            following(
                [sys.executable, tmp_path / "follow.py"],
                tmp_path / "printed",
                URL=f"{server.address}/api/runs/{writer.run}/events/stream",
                TOKEN=client.http.headers["Authorization"].removeprefix("Bearer "),
            )
        )
        interrupt_follower(interrupt, server, start_server, writer, lambda: printed(tmp_path / "printed"))

        # A token that is no good any more is the end, told in words.
        client.http.post("/api/auth/logout").raise_for_status()
        assert process.wait(30) != 0
