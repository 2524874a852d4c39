"""A model server, and a client of it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest

from runs.execution.model_server.server import ModelServer


@dataclass(frozen=True)
class Asking:
    """Asks a model server over HTTP."""

    server: ModelServer
    client: httpx.AsyncClient

    async def post(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        return await self.client.post(path, json=body, headers=headers)

    async def events(self, path: str, body: dict[str, Any]) -> list[Any]:
        """The data of a stream's events; what is no JSON as it is."""
        answer = await self.post(path, body)
        assert answer.headers["content-type"] == "text/event-stream"
        data = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
        return [orjson.loads(each) if each.startswith("{") else each for each in data]


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    async with ModelServer() as server, httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        yield Asking(server, client)
