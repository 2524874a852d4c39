"""ACP payloads, as different agents send them, in this server's words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.execution.agents.translate import Translator
from runs.execution.agents.updates import (
    AgentUpdate,
    CommandFinished,
    CommandStarted,
    MessageChunk,
    PlanEntry,
    PlanUpdated,
    ThoughtChunk,
    ToolFinished,
    ToolStarted,
    Unrecognised,
    UsageUpdated,
    UserMessageChunk,
)

pytestmark = pytest.mark.plumbing


def translated(*payloads: Any) -> list[AgentUpdate]:
    translator = Translator()
    return [update for payload in payloads for update in translator.translate(payload)]


def chunk(kind: str, text: str, **more: Any) -> dict[str, Any]:
    return {"sessionUpdate": kind, "content": {"type": "text", "text": text}, **more}


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("agent_message_chunk", MessageChunk),
        ("agent_thought_chunk", ThoughtChunk),
        ("user_message_chunk", UserMessageChunk),
    ],
)
def test_a_chunk_keeps_its_message_id(kind: str, made: Any) -> None:
    assert translated(chunk(kind, "x", messageId="m")) == [made("m", "x")]


def test_chunks_without_an_id_belong_together_until_something_else_comes() -> None:
    message = chunk("agent_message_chunk", "x")
    updates = translated(message, message, chunk("agent_thought_chunk", "y"), message)
    first, again, later = (update.message_id for update in updates if isinstance(update, MessageChunk))
    assert (first == again, first == later) == (True, False)


def test_no_two_sessions_give_a_message_without_an_id_the_same_one() -> None:
    [first], [second] = (translated(chunk("agent_message_chunk", "a")) for _ in range(2))
    assert isinstance(first, MessageChunk)
    assert isinstance(second, MessageChunk)
    assert first.message_id != second.message_id


def test_a_plan_is_whole() -> None:
    entry = {"content": "x", "status": "pending", "priority": "high"}
    assert translated({"sessionUpdate": "plan", "entries": [entry]}) == [
        PlanUpdated((PlanEntry("x", "pending", "high"),))
    ]


def test_usage_has_its_cost() -> None:
    payload = {"sessionUpdate": "usage_update", "used": 1, "size": 2, "cost": {"amount": 0.5, "currency": "USD"}}
    assert translated(payload) == [UsageUpdated(1, 2, 0.5, "USD")]


def test_a_command_is_told_when_its_text_is_known() -> None:
    updates = translated(
        {"sessionUpdate": "tool_call", "toolCallId": "t", "title": "bash", "kind": "execute", "rawInput": {}},
        {"sessionUpdate": "tool_call_update", "toolCallId": "t", "rawInput": {"command": "ls"}},
        {"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "in_progress"},
    )
    assert updates == [CommandStarted("t", "ls", None)]


def test_a_command_given_in_words_is_joined() -> None:
    payload = {
        "sessionUpdate": "tool_call",
        "toolCallId": "t",
        "kind": "execute",
        "rawInput": {"command": ["ls", "-l"]},
    }
    assert translated(payload) == [CommandStarted("t", "ls -l", None)]


def test_a_command_that_begins_with_its_end_is_told_whole() -> None:
    payload = {
        "sessionUpdate": "tool_call_update",
        "toolCallId": "t",
        "title": "ls",
        "kind": "execute",
        "status": "failed",
    }
    started, finished = translated(payload)
    assert started == CommandStarted("t", "ls", None)
    assert isinstance(finished, CommandFinished)
    assert (finished.status, finished.exit_code) == ("failed", None)


def test_merged_output_at_the_end_is_the_commands_stdout() -> None:
    content = [{"type": "content", "content": {"type": "text", "text": "out"}}]
    payload = {"sessionUpdate": "tool_call_update", "toolCallId": "t", "kind": "execute", "status": "completed"}
    finished = translated(payload | {"title": "ls", "content": content})[-1]
    assert isinstance(finished, CommandFinished)
    assert finished.stdout == "out"


def test_a_tool_has_its_paths() -> None:
    start = {"sessionUpdate": "tool_call", "toolCallId": "t", "title": "Edit", "kind": "edit"}
    updates = translated(
        start | {"locations": [{"path": "/a"}, {"path": "/b"}]},
        {"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed"},
    )
    assert updates == [
        ToolStarted("t", "Edit", "edit", ("/a", "/b")),
        ToolFinished("t", "completed", "Edit", "edit", ("/a", "/b"), ""),
    ]


def test_a_replayed_update_says_so() -> None:
    updates = Translator().translate(chunk("agent_message_chunk", "x", messageId="m"), is_replay=True)
    assert updates == (MessageChunk("m", "x", is_replay=True),)


@pytest.mark.parametrize(
    "payload",
    [
        {"sessionUpdate": "current_mode_update", "currentModeId": "x"},
        {"sessionUpdate": "agent_message_chunk", "content": {"type": "image", "data": ""}},
        {"sessionUpdate": "tool_call", "title": "no id"},
        {"sessionUpdate": "plan", "entries": [{"content": 3}]},
        {"sessionUpdate": "usage_update", "used": True, "size": "x"},
        {"sessionUpdate": "usage_update", "used": -1, "size": 2},
        {"sessionUpdate": "usage_update", "used": 1, "size": 2**60},
    ],
)
def test_what_has_no_word_here_is_kept_whole(payload: dict[str, Any]) -> None:
    assert translated(payload) == [Unrecognised(payload["sessionUpdate"], payload)]


def test_of_an_agents_slash_commands_the_names_are_told_and_told_again_when_they_change() -> None:
    def news(*names: str) -> dict[str, Any]:
        commands = [{"name": name, "description": "long"} for name in names]
        return {"sessionUpdate": "available_commands_update", "availableCommands": commands}

    updates = translated(news("a", "b"), news("a", "b"), news("a"))
    told = [update.payload["availableCommands"] for update in updates if isinstance(update, Unrecognised)]
    assert told == [["a", "b"], ["a"]]


def test_usage_that_has_not_changed_is_told_once() -> None:
    usage = {"sessionUpdate": "usage_update", "used": 1, "size": 9}
    updates = translated(usage, usage, {**usage, "used": 2}, usage)
    assert [update.used_tokens for update in updates if isinstance(update, UsageUpdated)] == [1, 2, 1]


def test_an_empty_piece_of_a_message_is_nothing() -> None:
    assert translated(chunk("agent_message_chunk", "")) == []


@pytest.mark.parametrize("kind", ["execute", "edit"])
def test_a_refused_call_that_is_not_heard_of_again_is_ended(kind: str) -> None:
    translator = Translator()
    translator.take_request({"toolCallId": "t", "title": "x", "kind": kind})
    assert translator.end_refused() == ()
    translator.asked_about("t").is_refused = True
    (end,) = translator.end_refused()
    assert isinstance(end, CommandFinished | ToolFinished)
    assert (end.status, end.tool_call_id, translator.end_refused()) == ("failed", "t", ())


def test_news_of_a_finished_tool_is_kept() -> None:
    end = {"sessionUpdate": "tool_call_update", "toolCallId": "t", "title": "x", "kind": "read", "status": "completed"}
    assert isinstance(translated(end, end)[-1], Unrecognised)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "content",
    "toolCallId",
    "title",
    "kind",
    "status",
    "rawInput",
    "rawOutput",
    "locations",
    "entries",
    "_meta",
    "used",
]
PAYLOADS = st.builds(
    lambda kind, rest: {"sessionUpdate": kind} | rest,
    st.sampled_from(["agent_message_chunk", "tool_call", "tool_call_update", "plan", "usage_update"]),
    st.dictionaries(st.sampled_from(KEYS), JSON | st.sampled_from(["execute", "completed", "t"])),
)


@given(st.lists(JSON | PAYLOADS, max_size=5))
def test_nothing_that_an_agent_sends_breaks_the_translation(payloads: list[Any]) -> None:
    translated(*payloads)
