"""Takes an agent's updates in order and writes them down in batches: text coalesced, one transaction for a batch."""

import asyncio
import io
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from config.one_commit import OutcomeUnknown
from projects.leases import Lease
from runs.events import MAX_MESSAGE_CHARACTERS, Draft
from runs.execution.agents import updates
from runs.execution.agents.output_files import OutputFileRefused, open_output, read_exit_code
from runs.execution.agents.updates import AgentUpdate
from runs.execution.live_output import LiveOutput
from runs.execution.patience import patiently
from runs.models import Run
from runs.redaction import Redactor, TextStream
from runs.services.recording import CommandEnd, CommandProgress, CommandStart, Entry, record
from runs.storable import MAX_DEPTH

BATCH_SECONDS = 0.03
TEXT_EVERY_SECONDS = 0.25
MAX_WAITING = 2_000
MAX_WAITING_CHARACTERS = 4 * 1024 * 1024
"""About: of all that waits to be written. What is still open, as files are, counts as FILES_CHARACTERS."""
FILES_CHARACTERS = 32 * 1024
MAX_PLAN_ENTRIES = 200
MAX_PLAN_CHARACTERS = 500
"""Of one entry. A run shows its latest plan whole, wherever it is shown."""
_TEXT_EVENTS = {updates.MessageChunk: "agent_message", updates.ThoughtChunk: "agent_thought"}
_READING = frozenset({"read", "search", "think", "fetch"})
"""Kinds of tools (ACP) that change no file. Should one do so all the same, the watch on the tree tells."""
_OF_CALLS = (
    updates.ToolStarted,
    updates.ToolFinished,
    updates.CommandStarted,
    updates.CommandOutput,
    updates.CommandFinished,
)
_BESIDE = (updates.UsageUpdated, updates.Unrecognised)
"""What agents send in the middle of a message, which goes on after it."""


class _Text:
    """A message of the agent that is still growing: its parts are joined, at most four a second are written."""

    def __init__(self, event_type: str, message_id: str, stream: TextStream) -> None:
        self.event_type, self.message_id = event_type, message_id
        self.parts: list[str] = []
        self._stream = stream
        self.due_at = time.monotonic() + TEXT_EVERY_SECONDS

    def take(self, *, is_final: bool) -> list[Entry]:
        """What has gathered, cut into events; the last one of a message says `final`."""
        text, self.parts = self._stream.take("".join(self.parts)), []
        text += self._stream.finish() if is_final else ""
        self.due_at = time.monotonic() + TEXT_EVERY_SECONDS
        pieces = [text[at : at + MAX_MESSAGE_CHARACTERS] for at in range(0, len(text), MAX_MESSAGE_CHARACTERS)]
        if not pieces and is_final:
            pieces = [""]
        last = len(pieces) - 1
        return [
            Draft(self.event_type, piece, data={"messageId": self.message_id, "final": is_final and at == last})
            for at, piece in enumerate(pieces)
        ]


class Recorder:
    """The writer of one run's log while its agent works. `on_change` is called when files may have changed.

    Known secrets are redacted before anything is cut or written, however the agent splits them.
    """

    def __init__(
        self, run: Run, lease: Lease, home: Path, on_change: Callable[[], None], *, redactor: Redactor
    ) -> None:
        self._run, self._lease, self._home, self._on_change = run, lease, home, on_change
        self._redactor = redactor
        self._outputs: dict[tuple[str, str], LiveOutput] = {}
        self._waiting: list[Entry] = []
        self._sizes: list[int] = []
        self._waiting_characters = 0
        self._text: _Text | None = None
        self._writing = asyncio.Lock()

    def take(self, update: AgentUpdate) -> "asyncio.Future[None] | None":
        """Takes one update. With too much waiting it gives something to wait for, which holds the agent back."""
        if update.is_replay:
            return None
        event_type = _TEXT_EVENTS.get(type(update))
        if event_type is not None:
            self._take_text(event_type, update.message_id, update.text)  # type: ignore[attr-defined]
        else:
            if isinstance(update, _BESIDE):
                self._tell_text()
            else:
                self._end_text()
            self._put(self._entry(update))
        return asyncio.ensure_future(self.flush()) if self._is_full else None

    def add(self, entry: Entry) -> None:
        """Adds an entry of the server's own."""
        self._end_text()
        self._put(entry)

    @property
    def _is_full(self) -> bool:
        return len(self._waiting) > MAX_WAITING or self._waiting_characters > MAX_WAITING_CHARACTERS

    async def run(self) -> None:
        """Writes batch after batch until cancelled."""
        while True:
            await asyncio.sleep(BATCH_SECONDS)
            if self._text is not None and time.monotonic() >= self._text.due_at:
                self._tell_text()
            for output in self._outputs.values():
                if output.is_due:
                    self._wait(*output.tell())
            await self.flush()

    async def finish(self) -> None:
        """Writes all that has come until now: whoever sees what comes after it has seen this."""
        self._end_text()
        self._tell_outputs()
        await self.flush()

    async def close(self) -> None:
        """The same, and the ends of outputs whose commands will not be heard of any more."""
        self._end_text()
        for tool_call_id in sorted({each for each, _ in self._outputs}):
            self._end_outputs(tool_call_id)
        await self.flush()

    async def flush(self) -> None:
        """Writes what waits, in one transaction. LeaseLost when the run is somebody else's.

        While the database is locked or away it waits, and with it whoever is held back. Cancelled while it writes, it
        writes to the end first: a batch leaves the queue only when it is in the table.
        """
        async with self._writing:
            if not self._waiting:
                return
            batch = tuple(self._waiting)
            writing = asyncio.ensure_future(patiently(record, self._run, self._lease, batch))
            # At the very moment when it is written: a cancellation between that and here would have it written twice.
            writing.add_done_callback(partial(self._forget, len(batch)))
            try:
                await asyncio.shield(writing)
            finally:
                while not writing.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait({writing})

    def _forget(self, count: int, written: "asyncio.Future[None]") -> None:
        """Also of one that may be in the table: it must not come twice."""
        if not written.cancelled() and isinstance(written.exception(), OutcomeUnknown | None):
            self._waiting_characters -= sum(self._sizes[:count])
            del self._waiting[:count], self._sizes[:count]

    def _wait(self, *entries: Entry) -> None:
        """They go with the next batch."""
        sizes = list(map(_characters_of, entries))
        self._waiting += entries
        self._sizes += sizes
        self._waiting_characters += sum(sizes)

    def _take_text(self, event_type: str, message_id: str, text: str) -> None:
        if self._text is None or (self._text.event_type, self._text.message_id) != (event_type, message_id):
            self._end_text()
            self._tell_outputs()
            self._text = _Text(event_type, message_id, self._redactor.stream())
        self._text.parts.append(text)

    def _tell_text(self) -> None:
        if self._text is not None and self._text.parts:
            self._wait(*self._text.take(is_final=False))

    def _end_text(self) -> None:
        if self._text is not None:
            self._wait(*self._text.take(is_final=True))
            self._text = None

    def _put(self, entry: Entry) -> None:
        """Adds an entry, redacted; of an output's piece what may be told by now. What was put out before goes first."""
        if isinstance(entry, CommandProgress):
            self._take_output(entry)
            return
        self._tell_outputs()
        match entry:
            case CommandStart():
                redact = self._redactor.text
                entry = replace(entry, command=redact(entry.command), cwd=redact(entry.cwd))
            case CommandEnd():
                self._end_outputs(entry.tool_call_id)
                entry = replace(entry, reason=self._redactor.text(entry.reason))
        self._wait(entry)

    def _take_output(self, entry: CommandProgress) -> None:
        key = (entry.tool_call_id, entry.stream)
        output = self._outputs.get(key)
        if output is None:
            output = self._outputs[key] = LiveOutput(*key, self._redactor.stream())
        if entry.left_out_bytes:
            self._wait(*output.tell())  # it came before what is left out
        output.take(entry.text, entry.left_out_bytes)
        if output.is_due:
            self._wait(*output.tell())

    def _tell_outputs(self) -> None:
        for output in self._outputs.values():
            self._wait(*output.tell())

    def _end_outputs(self, tool_call_id: str) -> None:
        for stream in ("stdout", "stderr"):
            output = self._outputs.pop((tool_call_id, stream), None)
            if output is not None:
                self._wait(*output.finish())

    def _entry(self, update: AgentUpdate) -> Entry:
        if isinstance(update, _OF_CALLS):
            update = replace(update, tool_call_id=self._redactor.text(update.tool_call_id))
        match update:
            case updates.ToolStarted() | updates.ToolFinished():
                return self._tool(update)
            case updates.CommandStarted():
                return CommandStart(update.tool_call_id, update.command, update.cwd or "")
            case updates.CommandOutput():
                return CommandProgress(update.tool_call_id, update.stream, update.text)
            case updates.CommandFinished():
                self._on_change()
                return self._command_end(update)
            case updates.PlanUpdated():
                return self._plan(update)
        return _said(update)

    def _tool(self, update: updates.ToolStarted | updates.ToolFinished) -> Draft:
        data: dict[str, Any] = {"toolCallId": update.tool_call_id, "kind": update.kind, "paths": list(update.paths)}
        if isinstance(update, updates.ToolStarted):
            return Draft("tool_started", update.title, data=data)
        if update.kind not in _READING:
            self._on_change()
        data |= {"status": update.status, "text": self._redactor.text(update.text)[:4000]}
        return Draft("tool_finished", update.title, "info" if update.status == "completed" else "warning", data=data)

    def _plan(self, update: updates.PlanUpdated) -> Draft:
        entries = [
            {
                "content": self._redactor.text(entry.content)[:MAX_PLAN_CHARACTERS],
                "status": entry.status,
                "priority": entry.priority[:40],
            }
            for entry in update.entries[:MAX_PLAN_ENTRIES]
        ]
        done = sum(entry.status == "completed" for entry in update.entries)
        return Draft("plan_updated", f"Plan: {done} of {len(update.entries)} done.", data={"entries": entries})

    def _command_end(self, update: updates.CommandFinished) -> CommandEnd:
        texts = {"stdout": (update.stdout_file, update.stdout), "stderr": (update.stderr_file, update.stderr)}
        outputs = {stream: self._output(path, text) for stream, (path, text) in texts.items()}
        exit_code = update.exit_code
        if exit_code is None:
            exit_code = read_exit_code(self._home, update.exit_code_file)
        has_failed, left_out_bytes = update.status == "failed", update.left_out_bytes
        return CommandEnd(update.tool_call_id, exit_code, has_failed, outputs, update.reason, left_out_bytes)

    def _output(self, path: str | None, text: str) -> BinaryIO:
        """The whole output, where the agent kept it, else what it sent."""
        if path is not None:
            with suppress(OutputFileRefused):
                return open_output(self._home, path)
        return io.BytesIO(text.encode("utf-8", "replace"))


def _characters_of(entry: Entry) -> int:
    """About how much memory it takes."""
    match entry:
        case CommandProgress():
            return len(entry.text)
        case CommandStart():
            return len(entry.command)
        case CommandEnd():
            texts = [each.getbuffer().nbytes for each in entry.outputs.values() if isinstance(each, io.BytesIO)]
            return FILES_CHARACTERS + sum(texts)
    return len(entry.message) + _characters_in(entry.data)


def _characters_in(value: Any, depth: int = 0) -> int:
    """Of JSON. What is nested too deep, and will be left out, counts as much as there may be: it goes at once."""
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, Mapping | list | tuple):
        return 8
    if depth >= MAX_DEPTH:
        return MAX_WAITING_CHARACTERS
    members = value.values() if isinstance(value, Mapping) else value
    return sum(_characters_in(each, depth + 1) for each in members)


def _said(update: AgentUpdate) -> Draft:
    """An update that is one event and nothing more."""
    match update:
        case updates.UsageUpdated():
            data: dict[str, Any] = {"usedTokens": update.used_tokens, "contextTokens": update.context_tokens}
            return Draft("usage_updated", "", "debug", data=data)
        case updates.UserMessageChunk():
            return Draft("user_message", update.text, data={"messageId": update.message_id})
        case updates.Unrecognised():
            return Draft("log", f"The agent sent {update.method}.", "debug", data={"payload": update.payload})
    return Draft("log", f"The agent did {type(update).__name__}.", "debug")
