"""The gateway through its socket: who may call, what goes on, and how it comes back."""

import asyncio
from urllib.parse import urlencode

import aiohttp
import orjson
import pytest
from aiohttp import web

from runs.execution.gateway import request_body
from runs.execution.gateway.addresses import address, target
from runs.execution.gateway.errors import CallRefused
from runs.execution.gateway.meter import Call
from runs.execution.gateway.upstream import Timeouts
from runs.execution.gateway.usage import Usage
from tests.runs.gateway.answers import EXAMPLES, TEXT
from tests.runs.gateway.conftest import KEY, TOKEN, OpenDoor, answering

pytestmark = pytest.mark.plumbing
CHAT, MESSAGES = "/openai/v1/chat/completions", "/anthropic/v1/messages"
GENERATE = "/google/v1beta/models/gemini-x:generateContent"
PLACES = {
    "bearer": ({"Authorization": f"Bearer {TOKEN}"}, ""),
    "x-api-key": ({"x-api-key": TOKEN}, ""),
    "x-goog-api-key": ({"x-goog-api-key": TOKEN}, ""),
    "query": ({}, "?" + urlencode({"alt": "sse", "key": TOKEN})),
}
REAL = {
    MESSAGES: ("x-api-key", KEY),
    CHAT: ("Authorization", f"Bearer {KEY}"),
    GENERATE: ("x-goog-api-key", KEY),
}


@pytest.mark.parametrize("place", sorted(PLACES))
async def test_the_token_is_taken_out_wherever_it_stands(open_door: OpenDoor, place: str) -> None:
    headers, query = PLACES[place]
    url = f"http://g{GENERATE}{query}"
    async with open_door(answering({})) as door, door.client.post(url, json={}, headers=headers) as answer:
        assert answer.status == 200
    assert TOKEN not in f"{door.seen[0].raw_headers} {door.seen[0].path_qs}"


@pytest.mark.parametrize("path", sorted(REAL))
async def test_the_real_key_is_put_where_the_vendor_wants_it(open_door: OpenDoor, path: str) -> None:
    async with open_door(answering({})) as door, door.post(path, {"model": "m"}):
        name, value = REAL[path]
    assert door.seen[0].headers[name] == value


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer other"}, {"x-api-key": KEY}, {"x-api-key": "ü"}])
async def test_without_the_token_nothing_goes_on(open_door: OpenDoor, headers: dict[str, str]) -> None:
    body = {"model": "m"}
    async with (
        open_door(answering({})) as door,
        door.client.post(f"http://g{CHAT}", json=body, headers=headers) as answer,
    ):
        assert (answer.status, door.seen) == (401, [])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/openai/v1/files"),
        ("POST", "/openai/v1/images/generations"),
        ("POST", "/anthropic/v1/messages/batches"),
        ("POST", "/openai/v1/chat/completions/../../files"),
        ("POST", "/openai/v1/chat%2Fcompletions"),
        ("GET", "/google/v1beta/models/..%2Ffiles"),
        ("DELETE", "/openai/v1/models/mine"),
        ("POST", "/evil/v1/messages"),
    ],
)
def test_only_calls_that_agents_need_are_passed_on(method: str, path: str) -> None:
    with pytest.raises(CallRefused) as refusal:
        target(method, path)
    assert refusal.value.status == 404


@pytest.mark.parametrize(
    ("path", "base_url", "expected"),
    [
        (CHAT, "https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
        (CHAT, "http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1/chat/completions"),
        ("/openai/chat/completions", "http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/chat/completions"),
        (CHAT, "https://host/v1beta/openai", "https://host/v1beta/openai/chat/completions"),
        (MESSAGES, "https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        (MESSAGES, "https://host/v1", "https://host/v1/messages"),
        (MESSAGES, "https://host/v1/account/anthropic", "https://host/v1/account/anthropic/v1/messages"),
        (GENERATE, "https://host/v1beta", "https://host/v1beta/models/gemini-x:generateContent"),
        (GENERATE, "https://host", "https://host/v1beta/models/gemini-x:generateContent"),
    ],
)
def test_addresses_may_hold_their_version_or_not(path: str, base_url: str, expected: str) -> None:
    assert str(address(target("POST", path), base_url, "key=token")) == expected


def test_other_parameters_of_the_query_stay() -> None:
    url = address(target("POST", GENERATE), "https://host", "alt=sse&key=token&access_token=t&x=%C3%BC")
    assert url.raw_query_string == "alt=sse&x=%C3%BC"


async def test_the_body_and_the_answer_pass_through_untouched(open_door: OpenDoor) -> None:
    example = EXAMPLES["messages"]
    whole = answering(example.whole, headers={"request-id": "req_1"})
    async with open_door(whole) as door, door.post(MESSAGES, {"model": "m", "n": 1.50}) as answer:
        assert (await answer.json(), answer.headers["request-id"]) == (example.whole, "req_1")
    assert door.bodies == [b'{"model": "m", "n": 1.5}']


async def test_headers_between_neighbours_and_of_proxies_stay_behind(open_door: OpenDoor) -> None:
    extra = {"Connection": "close, x-private", "x-private": "1", "X-Forwarded-For": "10.0.0.1", "OpenAI-Project": "p"}
    async with open_door(answering({})) as door, door.post(CHAT, {"model": "m"}, headers=extra):
        pass
    assert not {"X-Private", "X-Forwarded-For", "OpenAI-Project"} & {name.title() for name in door.seen[0].headers}


@pytest.mark.parametrize(("path", "api"), [(CHAT, "chat"), (MESSAGES, "messages"), (GENERATE, "gemini")])
async def test_the_meter_is_told_what_a_call_has_used(open_door: OpenDoor, path: str, api: str) -> None:
    async with open_door(answering(EXAMPLES[api].whole)) as door, door.post(path, {"model": "gemini-x"}):
        pass
    assert door.meter.settled == [(Call(path.split("/")[1], "gemini-x"), EXAMPLES[api].usage)]


async def test_a_stream_of_completions_is_asked_for_its_usage(open_door: OpenDoor) -> None:
    body = {"model": "m", "stream": True, "stream_options": {"include_obfuscation": False}}
    async with open_door(answering({})) as door, door.post(CHAT, body):
        pass
    asked = {"include_obfuscation": False, "include_usage": True}
    assert orjson.loads(door.bodies[0])["stream_options"] == asked


async def test_counting_tokens_costs_nothing(open_door: OpenDoor) -> None:
    async with open_door(answering({"input_tokens": 5})) as door, door.post(f"{MESSAGES}/count_tokens", {"model": "m"}):
        pass
    assert (door.meter.admitted, door.meter.settled) == ([], [])


async def test_a_refused_call_goes_nowhere(open_door: OpenDoor) -> None:
    async with open_door(answering({})) as door:
        door.meter.refusal = CallRefused(403, "No more.")
        async with door.post(MESSAGES, {"model": "m"}) as answer:
            assert (answer.status, await answer.json(), door.seen) == (
                403,
                {"type": "error", "error": {"type": "permission_error", "message": "No more."}},
                [],
            )


async def test_a_chunk_arrives_before_the_next_one_is_made(open_door: OpenDoor) -> None:
    second = asyncio.Event()

    async def two_chunks(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        await second.wait()
        await response.write(b"data: 2\n\n")
        return response

    async with open_door(two_chunks) as door, door.post(CHAT, {"model": "m", "stream": True}) as answer:
        first = await answer.content.readany()
        second.set()
        assert (first, await answer.content.read()) == (b"data: 1\n\n", b"data: 2\n\n")


async def test_who_hangs_up_ends_the_call_and_pays_for_what_came(open_door: OpenDoor) -> None:
    ended = asyncio.Event()

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(EXAMPLES["chat"].stream.split(b"\n\n")[0] + b"\n\n")
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return response

    async with open_door(endless) as door:
        async with door.post(CHAT, {"model": "m", "stream": True}) as answer:
            await answer.content.readany()
            answer.close()
        async with asyncio.timeout(5):
            await ended.wait()
    [(_, usage)] = door.meter.settled
    assert (usage.is_estimate, usage.output_tokens) == (True, len(TEXT) / 4)


async def test_a_slow_reader_slows_the_model_server_down(open_door: OpenDoor) -> None:
    written = 0

    async def flood(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)
            written += 65536

    async with open_door(flood) as door, door.post(CHAT, {"model": "m"}) as answer:
        before = -1
        while before != written:
            before = written
            await asyncio.sleep(0.2)
        answer.close()
    assert written < 64 * 1024 * 1024


async def test_a_stream_that_breaks_off_there_breaks_off_here(open_door: OpenDoor) -> None:
    async def broken(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(EXAMPLES["messages"].stream[:200])
        if request.transport is not None:
            request.transport.abort()
        return response

    async with open_door(broken) as door, door.post(MESSAGES, {"model": "m"}) as answer:
        with pytest.raises(aiohttp.ClientError):
            await answer.read()
    assert door.meter.settled[0][1] == Usage(1200, 1, 200, 100, is_estimate=True)


async def test_a_redirect_is_not_followed(open_door: OpenDoor) -> None:
    moved = answering({}, 307, {"Location": "http://127.0.0.1:1/"})
    async with open_door(moved) as door, door.post(CHAT, {"model": "m"}) as answer:
        assert (answer.status, "Location" in answer.headers, len(door.seen)) == (502, False, 1)


async def test_the_key_in_an_error_is_blacked_out(open_door: OpenDoor) -> None:
    refusing = answering({"error": {"message": f"bad key {KEY}"}}, 401, {"x-key": KEY, "retry-after": "3"})
    async with open_door(refusing) as door, door.post(CHAT, {"model": "m"}) as answer:
        assert (answer.status, await answer.json(), answer.headers["x-key"], answer.headers["retry-after"]) == (
            401,
            {"error": {"message": "bad key [key]"}},
            "[key]",
            "3",
        )
    assert door.meter.settled == []


async def test_a_model_server_that_is_not_there_is_an_error_of_the_vendors_shape(open_door: OpenDoor) -> None:
    async def hang_up(request: web.BaseRequest) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async with open_door(hang_up) as door, door.post(GENERATE, {}) as answer:
        error = (await answer.json())["error"]
        assert (answer.status, error["code"], error["status"]) == (502, 502, "UNAVAILABLE")


async def test_silence_of_the_model_server_is_a_time_out(open_door: OpenDoor) -> None:
    async def silent(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    async with open_door(silent, timeouts=Timeouts(silence=0.1)) as door, door.post(CHAT, {"model": "m"}) as answer:
        assert (answer.status, door.meter.settled[0][1].is_estimate) == (504, True)


async def test_a_body_is_bounded(open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "MAX_BODY_BYTES", 1000)
    async with open_door(answering({})) as door, door.post(CHAT, {"model": "m", "x": "y" * 2000}) as answer:
        assert (answer.status, door.seen) == (413, [])


@pytest.mark.parametrize("body", [[], {"model": 3}, {"prompt": "hello"}])
async def test_a_call_without_a_model_is_refused(open_door: OpenDoor, body: object) -> None:
    async with open_door(answering({})) as door, door.post(CHAT, body) as answer:
        assert (answer.status, door.seen) == (400, [])


async def test_the_end_of_the_gateway_ends_calls_and_tells_the_meter(open_door: OpenDoor) -> None:
    arrived = asyncio.Event()

    async def silent(request: web.BaseRequest) -> web.StreamResponse:
        arrived.set()
        await asyncio.Event().wait()
        return web.Response()

    async with open_door(silent) as door:
        asking = asyncio.ensure_future(door.client.post(f"http://g{CHAT}?key={TOKEN}", json={"model": "m"}))
        await arrived.wait()
    await asyncio.gather(asking, return_exceptions=True)
    assert door.meter.settled[0][1].is_estimate
