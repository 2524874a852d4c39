"""OpenAI's Responses (https://platform.openai.com/docs/api-reference/responses), as far as agents use them."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from .answers import Answer, Api, Asked, Frame
from .reading import everything, members, named, since_the_script, text_in, tool


def _read(body: Mapping[str, Any]) -> Asked:
    asked = body.get("input")
    items: list[Mapping[str, Any]] = [{"role": "user", "content": asked}] if isinstance(asked, str) else members(asked)
    prompt, results = since_the_script(
        items,
        lambda item: text_in(item.get("content")) if item.get("role") == "user" else "",
        lambda item: int(str(item.get("type")).endswith("_call_output")),
    )
    wanted = (body.get("text") or {}).get("format") or {}
    return Asked(
        model=str(body.get("model")),
        streams=bool(body.get("stream")),
        tools=named(tool(name, each.get("parameters")) for name, each in _functions(members(body.get("tools")))),
        prompt=prompt,
        results=results,
        everything=everything(body),
        json_schema=wanted.get("schema") if wanted.get("type") == "json_schema" else None,
    )


def _functions(offered: list[Mapping[str, Any]]) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Each with its name; Codex has those of MCP servers in namespaces, which stand before the name with a slash."""
    for each in offered:
        if each.get("type") == "function":
            yield each.get("name"), each
        elif each.get("type") == "namespace":
            yield from ((f"{each.get('name')}/{inner.get('name')}", inner) for inner in members(each.get("tools")))


def _usage(answer: Answer) -> dict[str, Any]:
    used = answer.usage
    return {
        "input_tokens": used.input_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": used.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": used.input_tokens + used.output_tokens,
    }


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}


def _items(answer: Answer) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if answer.pieces:
        message = {"type": "message", "id": f"msg_{answer.answer_id}", "role": "assistant", "status": "completed"}
        items.append({**message, "content": [_text_part(answer.text)]})
    if answer.call:
        call = {"type": "function_call", "id": f"fc_{answer.answer_id}", "call_id": answer.call.call_id}
        namespace, _, name = answer.call.name.rpartition("/")
        call |= {"namespace": namespace} if namespace else {}
        items.append({**call, "name": name, "arguments": answer.call.text, "status": "completed"})
    return items


def _whole(asked: Asked, answer: Answer) -> dict[str, Any]:
    return {
        "id": f"resp_{answer.answer_id}",
        "object": "response",
        "created_at": int(time.time()),
        "model": asked.model,
        "status": "completed",
        "output": _items(answer),
        "usage": _usage(answer),
    }


def _frames(asked: Asked, answer: Answer) -> Iterator[Frame]:
    whole = _whole(asked, answer)
    yield Frame({"response": {**whole, "status": "in_progress", "output": [], "usage": None}}, "response.created")
    for index, item in enumerate(whole["output"]):
        begun: dict[str, Any] = {"content": []} if item["type"] == "message" else {"arguments": ""}
        added = {"output_index": index, "item": {**item, "status": "in_progress", **begun}}
        yield Frame(added, "response.output_item.added")
        place = {"item_id": item["id"], "output_index": index}
        yield from _message(answer, place) if item["type"] == "message" else _call(item["arguments"], place)
        yield Frame({"output_index": index, "item": item}, "response.output_item.done")
    yield Frame({"response": whole}, "response.completed")


def _message(answer: Answer, place: dict[str, Any]) -> Iterator[Frame]:
    place = {**place, "content_index": 0}
    yield Frame({**place, "part": _text_part("")}, "response.content_part.added")
    for piece in answer.pieces:
        yield Frame({**place, "delta": piece.text}, "response.output_text.delta", piece.seconds)
    yield Frame({**place, "text": answer.text}, "response.output_text.done")
    yield Frame({**place, "part": _text_part(answer.text)}, "response.content_part.done")


def _call(arguments: str, place: dict[str, Any]) -> Iterator[Frame]:
    yield Frame({**place, "delta": arguments}, "response.function_call_arguments.delta")
    yield Frame({**place, "arguments": arguments}, "response.function_call_arguments.done")


def _typed(asked: Asked, answer: Answer) -> Iterator[Frame]:
    """Each event repeats its name, and has a number."""
    for number, frame in enumerate(_frames(asked, answer)):
        yield Frame({"type": frame.event, "sequence_number": number, **frame.data}, frame.event, frame.seconds)


RESPONSES = Api("responses", _read, _whole, _typed)
