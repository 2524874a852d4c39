"""Gemini's generateContent (https://ai.google.dev/api/generate-content), as far as agents use it.

The model stands in the address, not in the body: the server adds it as ``model``, and ``stream`` by the verb.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .answers import Answer, Api, Asked, Frame
from .reading import everything, members, named, since_the_script, text_in, tool

SIGNATURE = "c2NyaXB0"  # newer models sign their calls, and clients give the signature back


def _read(body: Mapping[str, Any]) -> Asked:
    functions = [each for group in members(body.get("tools")) for each in members(_in(group, "functionDeclarations"))]
    prompt, results = since_the_script(
        members(body.get("contents")),
        lambda content: text_in(content.get("parts")) if content.get("role", "user") == "user" else "",
        lambda content: sum(_in(part, "functionResponse") is not None for part in members(content.get("parts"))),
    )
    wanted = _in(body, "generationConfig") or {}
    schema = _in(wanted, "responseJsonSchema") or _in(wanted, "responseSchema") or {}
    return Asked(
        model=str(body.get("model")),
        streams=bool(body.get("stream")),
        tools=named(
            tool(each.get("name"), _in(each, "parametersJsonSchema") or each.get("parameters")) for each in functions
        ),
        prompt=prompt,
        results=results,
        everything=everything(body),
        json_schema=schema if _in(wanted, "responseMimeType") == "application/json" else None,
    )


def _in(message: Mapping[str, Any], name: str) -> Any:
    """A member in either spelling: JSON of protocol buffers takes both (https://protobuf.dev/programming-guides/json/)."""
    return message.get(name, message.get(re.sub("([A-Z])", r"_\1", name).lower()))


def _chunk(asked: Asked, answer: Answer, parts: list[dict[str, Any]], *, is_last: bool) -> dict[str, Any]:
    used = answer.usage
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
    return {
        "candidates": [{**candidate, "finishReason": "STOP"} if is_last else candidate],
        "usageMetadata": {
            "promptTokenCount": used.input_tokens,
            "candidatesTokenCount": used.output_tokens,
            "totalTokenCount": used.input_tokens + used.output_tokens,
        },
        "modelVersion": asked.model,
        "responseId": answer.answer_id,
    }


def _call(answer: Answer) -> list[dict[str, Any]]:
    if answer.call is None:
        return []
    call = {"name": answer.call.name, "args": answer.call.arguments}
    return [{"functionCall": call, "thoughtSignature": SIGNATURE}]


def _whole(asked: Asked, answer: Answer) -> dict[str, Any]:
    said = [{"text": answer.text}] if answer.pieces else []
    return _chunk(asked, answer, [*said, *_call(answer)], is_last=True)


def _frames(asked: Asked, answer: Answer) -> Iterator[Frame]:
    told = [({"text": piece.text}, piece.seconds) for piece in answer.pieces]
    told += [(part, 0.0) for part in _call(answer)]
    for number, (part, seconds) in enumerate(told, 1):
        yield Frame(_chunk(asked, answer, [part], is_last=number == len(told)), seconds=seconds)


GEMINI = Api("gemini", _read, _whole, _frames)
