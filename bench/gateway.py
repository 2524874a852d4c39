"""Measures what the model gateway adds to a call and to each piece of a streamed answer; goals are printed.

`.venv/bin/python bench/gateway.py [--calls N] [--chunks N]`, from any folder. The model server, the gateway and the
client are a process each; the same client asks the server directly and through the gateway, in turns.
"""

import argparse
import asyncio
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
# ruff: noqa: E402 - the checkout is on the path from here on

from runs.execution.gateway.meter import Call
from runs.execution.gateway.server import open_gateway
from runs.execution.gateway.upstream import Upstream
from runs.execution.gateway.usage import Usage

TOKEN, KEY = "token-of-the-bench", "key-of-the-bench"
CALL_GOAL_MS, CHUNK_GOAL_MS = 2.0, 0.5
CHUNK_EVERY_SECONDS = 0.002
USAGE = {"prompt_tokens": 15_000, "completion_tokens": 200, "prompt_tokens_details": {"cached_tokens": 14_000}}
# As an agent's call in the midst of its work: some sixty kilobytes of conversation.
MESSAGES = [{"role": "user", "content": "What was said before, and more of it. " * 40} for _ in range(40)]


class FreeMeter:
    """Admits everything: what the server's own meter asks its database, once a second, is not measured here."""

    async def admit(self, call: Call) -> None:
        """At once."""

    def settle(self, call: Call, usage: Usage) -> None:
        """Must have been read right."""
        if usage != Usage(15_000, 200, 14_000):
            sys.exit(f"The usage was misread: {usage}")


async def answer(request: web.Request) -> web.StreamResponse:
    """A whole answer, or one in pieces that tell when they were sent."""
    asked = orjson.loads(await request.read())
    if not asked.get("stream"):
        choice = {"message": {"role": "assistant", "content": "word " * 200}}
        return web.Response(body=orjson.dumps({"choices": [choice], "usage": USAGE}), content_type="application/json")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for _ in range(asked["n"]):
        await asyncio.sleep(CHUNK_EVERY_SECONDS)
        chunk = {"choices": [{"delta": {"content": "some words "}}], "sent": time.monotonic_ns()}
        await response.write(b"data: " + orjson.dumps(chunk) + b"\n\n")
    await response.write(b"data: " + orjson.dumps({"choices": [], "usage": USAGE}) + b"\n\ndata: [DONE]\n\n")
    return response


async def serve_models(ready: Connection) -> None:
    """The model server; tells its address."""
    application = web.Application(client_max_size=1 << 24)
    application.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ready.send(f"http://127.0.0.1:{runner.addresses[0][1]}")
    await asyncio.Event().wait()


async def serve_gateway(ready: Connection, socket: Path, address: str) -> None:
    """The gateway in front of it."""
    async with open_gateway(socket, {"openai": Upstream(address, KEY)}, TOKEN, FreeMeter()):
        ready.send("ready")
        await asyncio.Event().wait()


def started(serve: Callable[..., Any], *arguments: Any) -> tuple[multiprocessing.Process, str]:
    """A process of its own, and what it says when it is ready."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=lambda: asyncio.run(serve(there, *arguments)), daemon=True)
    process.start()
    if not here.poll(30):
        sys.exit("A server of the bench did not start.")
    return process, here.recv()


class Road:
    """One way to the model server, with the times of what went over it, in milliseconds."""

    def __init__(self, name: str, url: str, connector: aiohttp.BaseConnector) -> None:
        self.name, self.url = name, url
        self.session = aiohttp.ClientSession(connector=connector, headers={"Authorization": f"Bearer {TOKEN}"})
        self.calls: list[float] = []
        self.chunks: list[float] = []

    async def call(self) -> None:
        """One whole answer."""
        body = orjson.dumps({"model": "m", "messages": MESSAGES})
        begun = time.monotonic()
        async with self.session.post(self.url, data=body) as response:
            await response.read()
        response.raise_for_status()
        self.calls.append((time.monotonic() - begun) * 1000)

    async def stream(self, count: int) -> None:
        """One answer in so many pieces, each with the time that it took from there to here."""
        options = {"include_usage": True}
        body = orjson.dumps({"model": "m", "messages": MESSAGES, "stream": True, "stream_options": options, "n": count})
        async with self.session.post(self.url, data=body) as response:
            async for line in response.content:
                if b'"sent"' in line:
                    sent = orjson.loads(line.removeprefix(b"data: "))["sent"]
                    self.chunks.append((time.monotonic_ns() - sent) / 1e6)


async def measure(address: str, socket: Path, calls: int, chunks: int) -> tuple[Road, Road]:
    """Both roads, in turns, after some calls that do not count."""
    direct = Road("direct", f"{address}/v1/chat/completions", aiohttp.TCPConnector())
    through = Road("gateway", "http://gateway/openai/v1/chat/completions", aiohttp.UnixConnector(str(socket)))
    for turn in range(calls + 20):
        for road in (direct, through) if turn % 2 else (through, direct):
            await road.call()
    for road in (direct, through):
        del road.calls[:20]
    for turn in range(chunks // 100):
        for road in (direct, through) if turn % 2 else (through, direct):
            await road.stream(100)
    for road in (direct, through):
        await road.session.close()
    return direct, through


def told(what: str, direct: list[float], through: list[float], goal_ms: float) -> None:
    """One line: the medians, their ratio, and what is added, beside the goal."""
    before, after = statistics.median(direct), statistics.median(through)
    slow_before, slow_after = (statistics.quantiles(times, n=20)[-1] for times in (direct, through))
    added = after - before
    verdict = "met" if added <= goal_ms else "MISSED"
    print(
        f"{what:<28}{before:>9.3f}{after:>9.3f}{after / before:>7.2f}{added:>9.3f}  ≤ {goal_ms} ms  {verdict}"
        f"   p95 {slow_before:.3f} and {slow_after:.3f}"
    )


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--chunks", type=int, default=2000)
    arguments = parser.parse_args()
    multiprocessing.set_start_method("fork")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-", dir="/tmp") as folder:
        socket = Path(folder, "gateway.sock")
        models, address = started(serve_models)
        gateway, _ = started(serve_gateway, socket, address)
        try:
            direct, through = asyncio.run(measure(address, socket, arguments.calls, max(arguments.chunks, 100)))
        finally:
            for process in (gateway, models):
                process.terminate()
                process.join(10)
    print(f"load beforehand {load:.1f}; medians in milliseconds\n")
    print(f"{'':<28}{'direct':>9}{'gateway':>9}{'ratio':>7}{'added':>9}  goal")
    told(f"a call, of {len(direct.calls)}", direct.calls, through.calls, CALL_GOAL_MS)
    told(f"a streamed piece, of {len(direct.chunks)}", direct.chunks, through.chunks, CHUNK_GOAL_MS)


if __name__ == "__main__":
    main()
