"""The four APIs, streamed and not, as their clients read them."""

from typing import Any

import pytest

from tests.runs.model_server.conftest import Asking

pytestmark = pytest.mark.plumbing
SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
PROMPT = "Do this:\n@@say Now.\n@@sh echo 1\n@@sh echo 2\n@@say Done.\n@@usage 700 30"
CHAT_TOOLS = [{"type": "function", "function": {"name": "bash", "parameters": SCHEMA}}]
CHAT: dict[str, Any] = {"model": "scripted", "messages": [{"role": "user", "content": PROMPT}], "tools": CHAT_TOOLS}
RESPONSES: dict[str, Any] = {
    "model": "scripted",
    "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": PROMPT}]}],
    "tools": [{"type": "web_search"}, {"type": "function", "name": "shell", "parameters": SCHEMA}],
}
MESSAGES: dict[str, Any] = {
    "model": "scripted",
    "messages": [{"role": "user", "content": [{"type": "text", "text": PROMPT}]}],
    "tools": [{"name": "Bash", "input_schema": SCHEMA}],
}
GEMINI: dict[str, Any] = {
    "contents": [{"role": "user", "parts": [{"text": PROMPT}]}],
    "tools": [{"functionDeclarations": [{"name": "run_shell_command", "parametersJsonSchema": SCHEMA}]}],
}
GENERATE, STREAM = (f"/google/v1beta/models/some:{verb}" for verb in ("generateContent", "streamGenerateContent"))


async def test_chat_whole(asking: Asking) -> None:
    body = (await asking.post("/v1/chat/completions", CHAT)).json()
    choice = body["choices"][0]
    called = choice["message"]["tool_calls"][0]["function"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Now.\n", "tool_calls")
    assert called == {"name": "bash", "arguments": '{"command": "echo 1"}'}
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (700, 30)


async def test_chat_streamed(asking: Asking) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    *chunks, last = await asking.events("/v1/chat/completions", CHAT | options)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Now.\n"
    assert [call["function"]["name"] for delta in deltas for call in delta.get("tool_calls", [])] == ["bash"]
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["total_tokens"], last) == ([], 730, "[DONE]")


async def test_chat_says_the_usage_of_a_stream_only_when_asked(asking: Asking) -> None:
    chunks = await asking.events("/v1/chat/completions", CHAT | {"stream": True})
    assert not any("usage" in chunk for chunk in chunks[:-1])


async def test_chat_goes_on_after_results(asking: Asking) -> None:
    results = [{"role": "assistant", "content": None}, {"role": "tool", "tool_call_id": "c", "content": "1"}]
    body = (await asking.post("/v1/chat/completions", CHAT | {"messages": [*CHAT["messages"], *results]})).json()
    assert body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"command": "echo 2"}'


async def test_chat_gives_json_of_the_schema_that_is_asked_for(asking: Asking) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
    body = (await asking.post("/v1/chat/completions", CHAT | {"response_format": wanted})).json()
    assert body["choices"][0]["message"]["content"].startswith('{"command": ')


async def test_responses_whole(asking: Asking) -> None:
    body = (await asking.post("/openai/v1/responses", RESPONSES)).json()
    message, call = body["output"]
    assert (message["content"][0]["text"], call["name"], call["arguments"]) == (
        "Now.\n",
        "shell",
        '{"command": "echo 1"}',
    )
    assert body["usage"]["input_tokens"] == 700


async def test_responses_call_a_tool_of_a_namespace(asking: Asking) -> None:
    inner = {"type": "function", "name": "note", "parameters": {}}
    tools = [{"type": "namespace", "name": "mcp__notes", "tools": [inner]}]
    body = (await asking.post("/openai/v1/responses", RESPONSES | {"input": "@@call note|{}", "tools": tools})).json()
    assert [(item["namespace"], item["name"]) for item in body["output"]] == [("mcp__notes", "note")]


async def test_responses_streamed(asking: Asking) -> None:
    events = await asking.events("/openai/v1/responses", RESPONSES | {"stream": True})
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert (events[0]["type"], events[-1]["type"]) == ("response.created", "response.completed")
    done = [event["item"]["type"] for event in events if event["type"] == "response.output_item.done"]
    assert done == ["message", "function_call"]
    assert events[-1]["response"]["usage"]["total_tokens"] == 730


async def test_responses_go_on_after_results(asking: Asking) -> None:
    results = [{"type": "function_call", "call_id": "c"}, {"type": "function_call_output", "call_id": "c"}] * 2
    body = (await asking.post("/openai/v1/responses", RESPONSES | {"input": [*RESPONSES["input"], *results]})).json()
    assert [item["content"][0]["text"] for item in body["output"]] == ["Done.\n"]


async def test_messages_whole(asking: Asking) -> None:
    body = (await asking.post("/anthropic/v1/messages", MESSAGES)).json()
    text, use = body["content"]
    assert (text["text"], use["name"], use["input"]) == ("Now.\n", "Bash", {"command": "echo 1"})
    assert (body["stop_reason"], body["usage"]["output_tokens"]) == ("tool_use", 30)


async def test_messages_streamed(asking: Asking) -> None:
    events = await asking.events("/anthropic/v1/messages", MESSAGES | {"stream": True})
    assert (events[0]["type"], events[-1]["type"]) == ("message_start", "message_stop")
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert deltas[1] == {"type": "input_json_delta", "partial_json": '{"command": "echo 1"}'}
    assert events[0]["message"]["usage"]["input_tokens"] == 700
    assert events[-2]["usage"]["output_tokens"] == 30


async def test_messages_go_on_after_results(asking: Asking) -> None:
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "1"}]}
    body = (await asking.post("/v1/messages", MESSAGES | {"messages": [*MESSAGES["messages"], result]})).json()
    assert body["content"][0]["input"] == {"command": "echo 2"}


async def test_gemini_whole(asking: Asking) -> None:
    body = (await asking.post(GENERATE, GEMINI)).json()
    text, call = body["candidates"][0]["content"]["parts"]
    assert (text["text"], call["functionCall"]["args"]) == ("Now.\n", {"command": "echo 1"})
    assert (body["modelVersion"], body["usageMetadata"]["promptTokenCount"]) == ("some", 700)


async def test_gemini_streamed(asking: Asking) -> None:
    first, last = await asking.events(f"{STREAM}?alt=sse", GEMINI)
    assert first["candidates"][0]["content"]["parts"] == [{"text": "Now.\n"}]
    assert last["candidates"][0]["content"]["parts"][0]["functionCall"]["name"] == "run_shell_command"
    assert last["candidates"][0]["finishReason"] == "STOP"


async def test_gemini_goes_on_after_results(asking: Asking) -> None:
    result = {"role": "user", "parts": [{"functionResponse": {"name": "run_shell_command", "response": {}}}]}
    body = (await asking.post(GENERATE, GEMINI | {"contents": [*GEMINI["contents"], result]})).json()
    assert body["candidates"][0]["content"]["parts"][0]["functionCall"]["args"] == {"command": "echo 2"}


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("/v1/messages/count_tokens", "input_tokens"),
        (GENERATE.replace("generateContent", "countTokens"), "totalTokens"),
    ],
)
async def test_tokens_are_counted(asking: Asking, path: str, member: str) -> None:
    assert (await asking.post(path, {})).json()[member] > 0


async def test_models_are_listed_for_every_vendor(asking: Asking) -> None:
    body = (await asking.client.get("/v1/models")).json()
    assert (body["data"][0]["id"], body["models"][0]["name"]) == ("scripted", "models/scripted")
