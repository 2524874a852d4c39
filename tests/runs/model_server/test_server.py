"""The server around the APIs: what it records, refuses, and does when nobody listens any more."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.runs.model_server.conftest import Asking
from tests.runs.model_server.test_apis import CHAT, GEMINI, GENERATE, MESSAGES

pytestmark = pytest.mark.plumbing
ROOT = Path(__file__).resolve().parents[3]


async def test_what_a_call_was_authorised_by_is_recorded(asking: Asking) -> None:
    await asking.post("/v1/chat/completions", CHAT, authorization="Bearer one")
    await asking.post("/v1/messages", MESSAGES, **{"x-api-key": "two"})
    await asking.post(GENERATE, GEMINI, **{"x-goog-api-key": "three"})
    await asking.post(f"{GENERATE}?key=four", GEMINI)
    recorded = [(request.api, request.key) for request in asking.server.requests]
    assert recorded == [("chat", "one"), ("messages", "two"), ("gemini", "three"), ("gemini", "four")]


async def test_a_record_does_not_show_its_key(asking: Asking) -> None:
    await asking.post("/v1/chat/completions", CHAT, authorization="Bearer hidden-one")
    assert "hidden-one" not in repr(asking.server.requests)


async def test_a_record_tells_what_was_asked_and_answered(asking: Asking) -> None:
    await asking.post("/x/v1/chat/completions", CHAT)
    request = asking.server.requests[0]
    assert (request.path, request.model, request.tools, request.calls_tool) == (
        "/x/v1/chat/completions",
        "scripted",
        ("bash",),
        "bash",
    )


@pytest.mark.parametrize("body", ["no JSON", "[]", '{"tools": [{"function": 1}]}'])
async def test_what_is_no_request_is_refused(asking: Asking, body: str) -> None:
    answer = await asking.client.post("/v1/chat/completions", content=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_what_it_does_not_speak_is_not_found(asking: Asking) -> None:
    answer = await asking.post("/v1/embeddings", {})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, 404)


async def test_who_leaves_a_slow_stream_holds_nothing_up(asking: Asking) -> None:
    body = {**CHAT, "messages": [{"role": "user", "content": "@@slow 600"}], "stream": True}
    async with asking.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        async for line in answer.aiter_lines():
            if "tick" in line:
                break
    async with asyncio.timeout(20):
        assert (await asking.post("/v1/chat/completions", CHAT)).status_code == 200


async def test_a_stream_comes_piece_by_piece(asking: Asking) -> None:
    body = {**CHAT, "messages": [{"role": "user", "content": "@@slow 1"}], "stream": True}
    begun_at = time.monotonic()
    async with asking.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        at = [time.monotonic() - begun_at async for line in answer.aiter_lines() if "tick" in line]
    assert at[-1] - at[0] > 0.5


def test_the_program_prints_its_address_and_ends_when_told() -> None:
    command = [sys.executable, "-m", "runs.execution.model_server", "--port", "0", "--model", "mine"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    try:
        assert httpx.get(f"{address}/models", trust_env=False).json()["data"][0]["id"] == "mine"
    finally:
        process.terminate()
        assert process.wait(20) == 0
        process.stdout.close()
