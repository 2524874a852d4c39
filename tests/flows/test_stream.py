"""The event stream of a real server, read by a real SSE client."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.databases import Migrated
from tests.flows.client import Client
from tests.serving import Server, serving

PROMPT = "One.\n\n```file app/a.txt\nA\n```\n```sh\necho out; echo err >&2\n```\n```sh allow-fail\nfalse\n```\n"


@dataclass(frozen=True)
class Shared:
    """A server for all of these tests, none of which harms it, with one completed run."""

    server: Server
    run: int


class Served:
    """The same as a client of one test's own sees it."""

    def __init__(self, client: Client, run: int) -> None:
        self.client, self.run = client, run
        self.path = f"/runs/{run}/events/stream"
        self.all = client.events(run)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, migrated: Migrated, sample: Path) -> Iterator[Shared]:
    with serving(tmp_path_factory.mktemp("shared"), migrated) as start:
        server = start()
        client = Client(server)
        run = client.start_run(client.make_project(sample / "remote.git"), PROMPT)
        client.wait_for(run, "completed")
        yield Shared(server, run)


@pytest.fixture
def served(shared: Shared) -> Served:
    return Served(Client(shared.server), shared.run)


def test_a_stream_of_a_finished_run(served: Served) -> None:
    client, path = served.client, served.path

    # It begins with the first event and is what the pages give.
    assert client.streamed(f"{path}?follow=false") == served.all
    assert [event["seq"] for event in served.all] == list(range(1, len(served.all) + 1))

    # Resumed at every position it gives exactly the rest, by header and by parameter.
    for place, event in enumerate(served.all, start=1):
        rest = served.all[place:]
        assert client.streamed(f"{path}?follow=false", **{"Last-Event-ID": str(event["id"])}) == rest
        assert client.streamed(f"{path}?follow=false&lastEventId={event['id']}") == rest

    # Filters are those of the pages.
    for query in ("eventTypes=command_started,log", "severity=warning", "path=app/", "path=app/a.txt", "path=nowhere"):
        page = client.get(f"/runs/{served.run}/events?{query}&limit=200")["data"]
        assert client.streamed(f"{path}?follow=false&{query}") == page, query


def raw_beginning(client: Client, path: str, count: int) -> tuple[httpx.Response, bytes]:
    with client.http.stream("GET", f"/api{path}") as answer:
        received = b""
        for part in answer.iter_raw():
            received += part
            if len(received) >= count:
                break
        return answer, received


def test_the_bytes_of_a_stream(served: Served) -> None:
    answer, received = raw_beginning(served.client, f"{served.path}?follow=false", 1000)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in answer.headers
    first, second = received.split(b"\n\n")[:2]
    retry, place, padding = first.split(b"\n")
    assert 2000 <= int(retry.removeprefix(b"retry: ")) <= 5000
    assert place == b"id: 0"
    assert (padding[:1], len(padding)) == (b":", 513)
    lines = second.split(b"\n")
    assert lines[0] == b"id: %d" % served.all[0]["id"]
    assert lines[1] == b"event: agent_event"
    assert lines[2].startswith(b'data: {"id":%d,"runId":%d,' % (served.all[0]["id"], served.run))


def test_a_stream_that_cannot_be_opened_is_a_problem(served: Served) -> None:
    http, path = served.client.http, f"/api{served.path}"
    stranger = {"Authorization": "Bearer 1|wrong"}
    cases: list[tuple[str, dict[str, str], int, str]] = [
        ("/api/runs/999999/events/stream", {}, 404, "not-found"),
        (path, stranger, 401, "unauthenticated"),
        (path, {"Authorization": ""}, 401, "unauthenticated"),
        (path, {"Last-Event-ID": "abc"}, 400, "invalid-cursor"),
        (f"{path}?lastEventId=-1", {}, 400, "invalid-cursor"),
        (f"{path}?lastEventId={'9' * 30}", {}, 400, "invalid-cursor"),
        (f"{path}?follow=maybe", {}, 400, "invalid-parameter"),
        (f"{path}?colour=red", {}, 400, "invalid-parameter"),
        (f"{path}?severity=loud", {}, 400, "invalid-parameter"),
    ]
    for address, headers, status, code in cases:
        answer = http.get(address, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code), address
        assert answer.headers["content-type"].startswith("application/problem+json")
    assert http.get(path, headers=stranger).headers["www-authenticate"] == "Bearer"
    assert http.post(path).status_code == 405


def test_a_revoked_token_ends_its_stream(served: Served) -> None:
    client = served.client
    with client.stream(served.path) as (_, messages):
        assert [next(messages).data for _ in range(3)]
        httpx.post(
            f"{client.http.base_url}/api/auth/logout", headers=dict(client.http.headers), trust_env=False
        ).raise_for_status()
        began = time.monotonic()
        assert len([message for message in messages if message.data]) <= len(served.all)
        assert time.monotonic() - began < 6


def test_a_run_is_followed_live_to_its_end(served: Served) -> None:
    client = served.client
    project = client.get(f"/runs/{served.run}")["projectId"]
    prompt = "```sh\nfor n in 1 2 3 4 5; do echo line $n; sleep 0.1; done\n```"
    followed = client.start_run(project, prompt)
    seen: list[dict[str, Any]] = []
    with client.stream(f"/runs/{followed}/events/stream") as (_, messages):
        for message in filter(lambda each: each.data, messages):
            seen.append(json.loads(message.data))
            if seen[-1]["eventType"] == "run_completed":
                break
    assert seen == client.events(followed)[: len(seen)]
    assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))


def test_a_reader_that_reads_nothing_stops_nobody(served: Served) -> None:
    client = served.client
    project = client.get(f"/runs/{served.run}")["projectId"]
    big = client.start_run(project, "```sh\nseq 1 200000\n```")
    with client.http.stream("GET", f"/api/runs/{big}/events/stream") as _unread:
        client.wait_for(big, "completed")
        events = client.streamed(f"/runs/{big}/events/stream?follow=false")
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["eventType"] == "run_completed"


def test_the_user_stream_tells_of_runs_ending(served: Served) -> None:
    client = served.client
    project = client.get(f"/runs/{served.run}")["projectId"]
    with client.stream("/events/stream") as (answer, messages):
        assert answer.status_code == 200
        other = client.start_run(project, "Hello.")
        kinds = []
        for message in filter(lambda each: each.data, messages):
            event = json.loads(message.data)
            if event["runId"] is None:  # what a server tells of projects comes when it comes
                continue
            assert event["runId"] == other
            kinds.append(event["eventType"])
            if kinds[-1] == "run_completed":
                break
    assert kinds == ["run_created", "run_queued", "run_started", "run_completed"]
