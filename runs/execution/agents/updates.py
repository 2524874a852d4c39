"""What an agent does, in this server's words: one frozen dataclass for each kind of thing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Stream = Literal["stdout", "stderr"]
Outcome = Literal["completed", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentUpdate:
    """Something that happened. ``is_replay``: it happened before, and was shown again while a session was loaded."""

    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class MessageChunk(AgentUpdate):
    """A piece of a message of the agent; pieces with one ``message_id`` belong together."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ThoughtChunk(AgentUpdate):
    """A piece of what the agent shows of its reasoning."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class UserMessageChunk(AgentUpdate):
    """A piece of a prompt, said back by the agent; usual in a replay."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One line of a plan; status ``pending``, ``in_progress`` or ``completed``, priority ``high`` to ``low``."""

    content: str
    status: str
    priority: str


@dataclass(frozen=True, slots=True)
class PlanUpdated(AgentUpdate):
    """The whole plan as it is now."""

    entries: tuple[PlanEntry, ...]


@dataclass(frozen=True, slots=True)
class ToolStarted(AgentUpdate):
    """A tool other than a command. ``kind`` as in ACP: read, edit, delete, move, search, fetch, think, other, …"""

    tool_call_id: str
    title: str
    kind: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToolFinished(AgentUpdate):
    """The end of a tool; ``text`` is what it said, shortened by the agent at will."""

    tool_call_id: str
    status: Outcome
    title: str
    kind: str
    paths: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class CommandStarted(AgentUpdate):
    """A command began, or waits for leave to begin. ``cwd`` None: the agent did not say."""

    tool_call_id: str
    command: str
    cwd: str | None


@dataclass(frozen=True, slots=True)
class CommandOutput(AgentUpdate):
    """More output of a running command."""

    tool_call_id: str
    stream: Stream
    text: str


@dataclass(frozen=True, slots=True)
class CommandFinished(AgentUpdate):
    """The end of a command. ``exit_code`` None: not known, or it never ran; negative: ended by that signal.

    ``stdout`` and ``stderr`` are what the agent gave, perhaps shortened; the files, where there are any, hold the
    whole, and the exit code where the agent does not say it. They were named by the agent: open them only with
    ``output_files.py``. ``reason``: why it did not run or finish, where the agent says. ``left_out_bytes``: so many of
    a stream's last bytes nobody has kept.
    """

    tool_call_id: str
    status: Outcome
    exit_code: int | None
    stdout: str
    stderr: str
    stdout_file: str | None
    stderr_file: str | None
    reason: str
    exit_code_file: str | None = None
    left_out_bytes: Mapping[Stream, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UsageUpdated(AgentUpdate):
    """Tokens in the context and its size; the cost of the session so far, when the agent says it."""

    used_tokens: int
    context_tokens: int
    cost_amount: float | None
    cost_currency: str | None


@dataclass(frozen=True, slots=True)
class Unrecognised(AgentUpdate):
    """Something that has no word here. Kept as it came, never dropped. ``method`` names the kind of update."""

    method: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens of one turn, as far as the agent says."""

    total_tokens: int
    input_tokens: int
    output_tokens: int
    cached_read_tokens: int
    cached_write_tokens: int
