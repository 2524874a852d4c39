"""OpenAI's Chat Completions (https://platform.openai.com/docs/api-reference/chat), as far as agents use them."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from .answers import Answer, Api, Asked, Frame
from .reading import everything, members, named, since_the_script, text_in, tool


def _read(body: Mapping[str, Any]) -> Asked:
    functions = [each.get("function") or {} for each in members(body.get("tools"))]
    prompt, results = since_the_script(
        members(body.get("messages")),
        lambda message: text_in(message.get("content")) if message.get("role") == "user" else "",
        lambda message: int(message.get("role") == "tool"),
    )
    wanted = body.get("response_format") or {}
    return Asked(
        model=str(body.get("model")),
        streams=bool(body.get("stream")),
        tools=named(tool(each.get("name"), each.get("parameters")) for each in functions),
        prompt=prompt,
        results=results,
        everything=everything(body),
        json_schema=(wanted.get("json_schema") or {}).get("schema") if wanted.get("type") == "json_schema" else None,
        tells_usage=not body.get("stream") or bool((body.get("stream_options") or {}).get("include_usage")),
    )


def _usage(answer: Answer) -> dict[str, Any]:
    used = answer.usage
    return {
        "prompt_tokens": used.input_tokens,
        "completion_tokens": used.output_tokens,
        "total_tokens": used.input_tokens + used.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def _calls(answer: Answer) -> list[dict[str, Any]]:
    if answer.call is None:
        return []
    function = {"name": answer.call.name, "arguments": answer.call.text}
    return [{"id": answer.call.call_id, "type": "function", "function": function}]


def _common(asked: Asked, answer: Answer, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{answer.answer_id}", "object": kind, "created": int(time.time()), "model": asked.model}


def _reason(answer: Answer) -> str:
    return "tool_calls" if answer.call else "stop"


def _whole(asked: Asked, answer: Answer) -> dict[str, Any]:
    calls = _calls(answer)
    message = {"role": "assistant", "content": answer.text or None, **({"tool_calls": calls} if calls else {})}
    choice = {"index": 0, "message": message, "finish_reason": _reason(answer)}
    return {**_common(asked, answer, "chat.completion"), "choices": [choice], "usage": _usage(answer)}


def _frames(asked: Asked, answer: Answer) -> Iterator[Frame]:
    common = _common(asked, answer, "chat.completion.chunk")

    def chunk(delta: dict[str, Any], reason: str | None = None, seconds: float = 0.0) -> Frame:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return Frame({**common, "choices": [choice]}, seconds=seconds)

    yield chunk({"role": "assistant", "content": ""})
    for piece in answer.pieces:
        yield chunk({"content": piece.text}, seconds=piece.seconds)
    for call in _calls(answer):
        yield chunk({"tool_calls": [{"index": 0, **call}]})
    yield chunk({}, _reason(answer))
    if asked.tells_usage:
        yield Frame({**common, "choices": [], "usage": _usage(answer)})
    yield Frame("[DONE]")


CHAT = Api("chat", _read, _whole, _frames)
