"""Anthropic's Messages (https://docs.anthropic.com/en/api/messages), as far as agents use them."""

from collections.abc import Iterator, Mapping
from typing import Any

from .answers import Answer, Api, Asked, Frame
from .reading import everything, members, named, since_the_script, text_in, tool


def _read(body: Mapping[str, Any]) -> Asked:
    prompt, results = since_the_script(
        members(body.get("messages")),
        lambda message: text_in(message.get("content")) if message.get("role") == "user" else "",
        lambda message: sum(part.get("type") == "tool_result" for part in members(message.get("content"))),
    )
    return Asked(
        model=str(body.get("model")),
        streams=bool(body.get("stream")),
        tools=named(tool(each.get("name"), each.get("input_schema")) for each in members(body.get("tools"))),
        prompt=prompt,
        results=results,
        everything=everything(body),
    )


def _usage(answer: Answer) -> dict[str, int]:
    return {
        "input_tokens": answer.usage.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": answer.usage.output_tokens,
    }


def _blocks(answer: Answer) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [{"type": "text", "text": answer.text}] if answer.pieces else []
    if answer.call:
        block_id = f"toolu_{answer.call.call_id.removeprefix('call_')}"
        blocks.append({"type": "tool_use", "id": block_id, "name": answer.call.name, "input": answer.call.arguments})
    return blocks


def _ending(answer: Answer) -> dict[str, Any]:
    return {"stop_reason": "tool_use" if answer.call else "end_turn", "stop_sequence": None}


def _whole(asked: Asked, answer: Answer) -> dict[str, Any]:
    return {
        "id": f"msg_{answer.answer_id}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": _blocks(answer),
        **_ending(answer),
        "usage": _usage(answer),
    }


def _frames(asked: Asked, answer: Answer) -> Iterator[Frame]:
    begun: dict[str, Any] = {"content": [], "stop_reason": None, "usage": {**_usage(answer), "output_tokens": 1}}
    yield Frame({"message": {**_whole(asked, answer), **begun}}, "message_start")
    for index, block in enumerate(_blocks(answer)):
        empty: dict[str, Any] = {"text": ""} if block["type"] == "text" else {"input": {}}
        yield Frame({"index": index, "content_block": {**block, **empty}}, "content_block_start")
        for delta, seconds in _deltas(answer, block):
            yield Frame({"index": index, "delta": delta}, "content_block_delta", seconds)
        yield Frame({"index": index}, "content_block_stop")
    yield Frame({"delta": _ending(answer), "usage": _usage(answer)}, "message_delta")
    yield Frame({}, "message_stop")


def _deltas(answer: Answer, block: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], float]]:
    if block["type"] == "text":
        yield from (({"type": "text_delta", "text": piece.text}, piece.seconds) for piece in answer.pieces)
    elif answer.call:
        yield {"type": "input_json_delta", "partial_json": answer.call.text}, 0.0


def _typed(asked: Asked, answer: Answer) -> Iterator[Frame]:
    """Each event repeats its name."""
    for frame in _frames(asked, answer):
        yield Frame({"type": frame.event, **frame.data}, frame.event, frame.seconds)


MESSAGES = Api("messages", _read, _whole, _typed)
