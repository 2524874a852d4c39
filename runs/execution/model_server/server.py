"""The model server itself: routes, streams, and a record of who asked; what it answers is decided by the script.

It listens on loopback only and wants no key: nothing that it says is worth one.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from .answers import Answer, Api, Asked, RequestNotUnderstood, answer
from .chat import CHAT
from .gemini import GEMINI
from .messages import MESSAGES
from .responses import RESPONSES
from .script import Usage

HOST = "127.0.0.1"
LARGEST_BODY_BYTES = 64 * 1024 * 1024
COUNTED_TOKENS = 1000
# Whatever an agent's base URL ends with, its requests end with these.
APIS: Mapping[str, Api] = {"chat/completions": CHAT, "responses": RESPONSES, "messages": MESSAGES}
GEMINI_VERBS = {"generateContent": False, "streamGenerateContent": True}


@dataclass(frozen=True, slots=True)
class Request:
    """One call as it arrived. ``key`` is what it was authorised by, in whichever header or parameter; ``text`` is all
    that was asked, its line breaks real ones."""

    api: str
    path: str
    model: str
    key: str = field(repr=False)
    streams: bool
    tools: tuple[str, ...]
    usage: Usage
    calls_tool: str
    text: str = field(repr=False)


class ModelServer:
    """A model server in this process: ``async with ModelServer() as server: server.url``.

    ``models`` are those that it lists; it answers for any. ``requests`` grows with each call for an answer.
    """

    def __init__(self, port: int = 0, models: tuple[str, ...] = ("scripted",)) -> None:
        self.models = models
        self.requests: list[Request] = []
        self.url = ""
        self._port = port
        self._runner = web.AppRunner(_application(self), access_log=None, handler_cancellation=True, shutdown_timeout=1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self._port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.url = f"http://{HOST}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """Chat Completions, Responses or Messages."""
        return await self._answer(request, APIS[request.match_info["api"]], await _body(request))

    async def ask_gemini(self, request: web.Request) -> web.StreamResponse:
        """One of Gemini's verbs for a model."""
        verb, body = request.match_info["verb"], await _body(request)
        if verb == "countTokens":
            return web.json_response({"totalTokens": COUNTED_TOKENS})
        if verb not in GEMINI_VERBS:
            return _refusal(404, f"This model server knows no {verb}.")
        body = {**body, "model": request.match_info["model"], "stream": GEMINI_VERBS[verb]}
        return await self._answer(request, GEMINI, body)

    async def list_models(self, request: web.Request) -> web.StreamResponse:
        """The models, in the words of each vendor at once."""
        kinds = {"object": "model", "type": "model", "owned_by": "quarterdeck", "created": 0}
        data = [
            {**kinds, "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"} for name in self.models
        ]
        methods = [*GEMINI_VERBS, "countTokens"]
        models = [
            {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": methods}
            for name in self.models
        ]
        return web.json_response({"object": "list", "data": data, "has_more": False, "models": models})

    async def _answer(self, request: web.Request, api: Api, body: Mapping[str, Any]) -> web.StreamResponse:
        try:
            asked = api.read(body)
        except (AttributeError, TypeError):
            raise RequestNotUnderstood(f"The request is none of the API {api.name}.") from None
        said = answer(asked)
        self.requests.append(_noted(request, api, asked, said))
        if not asked.streams:
            await asyncio.sleep(said.seconds)
            return web.json_response(api.whole(asked, said))
        return await _stream(request, api, asked, said)


def _application(server: ModelServer) -> web.Application:
    application = web.Application(client_max_size=LARGEST_BODY_BYTES, middlewares=[_problems])
    before, apis = "/{before:(?:.*/)?}", "|".join(APIS)
    application.add_routes(
        [
            web.post(before + "messages/count_tokens", _count_tokens),
            web.post(before + "{api:" + apis + "}", server.ask),
            web.post(before + "models/{model:[^:]+}:{verb}", server.ask_gemini),
            web.get(before + "models", server.list_models),
        ]
    )
    return application


async def _count_tokens(request: web.Request) -> web.StreamResponse:
    return web.json_response({"input_tokens": COUNTED_TOKENS})


@web.middleware
async def _problems(request: web.Request, handler: Any) -> web.StreamResponse:
    """Refusals in a shape that every vendor's client can read."""
    try:
        response: web.StreamResponse = await handler(request)
    except RequestNotUnderstood as error:
        return _refusal(400, str(error))
    except web.HTTPException as error:
        return _refusal(error.status, f"{error.reason}: {request.method} {request.path}")
    return response


def _refusal(status: int, message: str) -> web.Response:
    error = {"type": "invalid_request_error", "code": status, "message": message}
    return web.json_response({"type": "error", "error": error}, status=status)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError:
        raise RequestNotUnderstood("The body is no JSON.") from None
    if not isinstance(body, dict):
        raise RequestNotUnderstood("The body is no JSON object.")
    return body


def _noted(request: web.Request, api: Api, asked: Asked, said: Answer) -> Request:
    return Request(
        api=api.name,
        path=request.path,
        model=asked.model,
        key=_key(request),
        streams=asked.streams,
        tools=tuple(tool.name for tool in asked.tools),
        usage=said.usage,
        calls_tool=said.call.name if said.call else "",
        text=asked.everything,
    )


def _key(request: web.Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    given = (token if scheme.lower() == "bearer" else "", *map(request.headers.get, ("x-api-key", "x-goog-api-key")))
    return next(filter(None, given), request.query.get("key", ""))


async def _stream(request: web.Request, api: Api, asked: Asked, said: Answer) -> web.StreamResponse:
    """The answer as it comes; who leaves meanwhile has heard enough."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    with suppress(ConnectionError):
        await response.prepare(request)
        for frame in api.frames(asked, said):
            await response.write(frame.encode())
            await asyncio.sleep(frame.seconds)
        await response.write_eof()
    return response
