"""Turns ACP ``session/update`` payloads into this server's updates; what it does not know it passes on whole."""

import dataclasses
import secrets
from collections.abc import Callable
from typing import Any

from .dialect import PLAIN, Dialect
from .payload import list_of, text_of, value_of, whole_number_of
from .tool_calls import ToolCall, ToolCalls
from .updates import (
    AgentUpdate,
    MessageChunk,
    PlanEntry,
    PlanUpdated,
    ThoughtChunk,
    Unrecognised,
    UsageUpdated,
    UserMessageChunk,
)

_CHUNKS = {
    "agent_message_chunk": MessageChunk,
    "agent_thought_chunk": ThoughtChunk,
    "user_message_chunk": UserMessageChunk,
}
_PLAN_STATUSES = ("pending", "in_progress", "completed")
_MOST_TOKENS = 2**53
"""What is beyond it, or below nothing, is no count of tokens; nor does every reader of JSON know such numbers."""


class Translator:
    """Follows one session. Updates go in as they came off the wire, and come out in the same order.

    Messages that the agent does not name get names that no other translator gives: a run may have several.
    """

    def __init__(self, dialect: Dialect = PLAIN) -> None:
        self._tool_calls = ToolCalls(dialect)
        self._echoes_prompts, self._asks_about_begun = dialect.echoes_prompts, dialect.asks_about_begun
        self._usage: tuple[AgentUpdate, ...] | None = None
        self._last_kind = ""
        self._unnamed_messages, self._name = 0, f"unnamed-{secrets.token_hex(4)}"
        self._slash_commands: tuple[str, ...] | None = None
        self._readers: dict[str, Callable[[dict[str, Any]], tuple[AgentUpdate, ...] | None]] = {
            "tool_call": self._tool_calls.take,
            "tool_call_update": self._tool_calls.take,
            "plan": _read_plan,
            "usage_update": self._read_usage,
            "available_commands_update": self._read_slash_commands,
        }

    def translate(self, payload: Any, *, is_replay: bool = False) -> tuple[AgentUpdate, ...]:
        """The updates in one payload: none for what adds nothing, one or more else."""
        kind = text_of(payload, "sessionUpdate") or ""
        if kind == "user_message_chunk" and self._echoes_prompts and not is_replay:
            return ()
        updates = self._read(kind, payload) if kind else None
        self._last_kind = kind
        if updates is None:
            updates = (Unrecognised(kind or "session/update", payload if isinstance(payload, dict) else {"": payload}),)
        return tuple(dataclasses.replace(update, is_replay=True) for update in updates) if is_replay else updates

    def take_request(self, tool_call: Any) -> tuple[AgentUpdate, ...]:
        """What a permission request tells of its tool call that no update told before."""
        if self._asks_about_begun or not isinstance(tool_call, dict):
            return ()
        return self._tool_calls.take(tool_call, is_asking=True) or ()

    def asked_about(self, tool_call_id: str) -> ToolCall:
        """All that is known by now of what a permission request asks about."""
        return self._tool_calls.asked_about(tool_call_id)

    def end_refused(self) -> tuple[AgentUpdate, ...]:
        """The ends of tool calls that were refused and that the agent has said nothing more of."""
        return self._tool_calls.end_refused()

    def _read(self, kind: str, payload: dict[str, Any]) -> tuple[AgentUpdate, ...] | None:
        if kind in _CHUNKS:
            return self._read_chunk(kind, payload)
        reader = self._readers.get(kind)
        return reader(payload) if reader else None

    def _read_usage(self, payload: dict[str, Any]) -> tuple[AgentUpdate, ...] | None:
        """Nothing when it is as it was: Mistral Vibe tells it many times over."""
        known, self._usage = self._usage, _usage(payload)
        return () if self._usage is not None and self._usage == known else self._usage

    def _read_slash_commands(self, payload: dict[str, Any]) -> tuple[AgentUpdate, ...] | None:
        """Their names alone, when they are others than before: agents send the whole list again and again."""
        if not isinstance(payload.get("availableCommands"), list):
            return None
        names = tuple(name for each in list_of(payload, "availableCommands") if (name := text_of(each, "name")))
        known, self._slash_commands = self._slash_commands, names
        if names == known:
            return ()
        return (Unrecognised("available_commands_update", {"availableCommands": list(names)}),)

    def _read_chunk(self, kind: str, payload: dict[str, Any]) -> tuple[AgentUpdate, ...] | None:
        text = text_of(payload, "content", "text")
        if not text:
            return None if text is None else ()
        message_id = text_of(payload, "messageId")
        if message_id is None:
            self._unnamed_messages += kind != self._last_kind
            message_id = f"{self._name}-{self._unnamed_messages}"
        return (_CHUNKS[kind](message_id, text),)


def _read_plan(payload: dict[str, Any]) -> tuple[AgentUpdate, ...] | None:
    entries = []
    for entry in list_of(payload, "entries"):
        content, status = text_of(entry, "content"), text_of(entry, "status")
        if content is None or status not in _PLAN_STATUSES:
            return None
        entries.append(PlanEntry(content, status, text_of(entry, "priority") or "medium"))
    return (PlanUpdated(tuple(entries)),)


def _usage(payload: dict[str, Any]) -> tuple[AgentUpdate, ...] | None:
    used, size = whole_number_of(payload, "used"), whole_number_of(payload, "size")
    if used is None or size is None or not (0 <= used <= _MOST_TOKENS and 0 <= size <= _MOST_TOKENS):
        return None
    amount = value_of(payload, "cost", "amount")
    is_amount = isinstance(amount, int | float) and not isinstance(amount, bool) and abs(amount) <= _MOST_TOKENS
    cost = float(amount) if is_amount else None
    return (UsageUpdated(used, size, cost, text_of(payload, "cost", "currency")),)
