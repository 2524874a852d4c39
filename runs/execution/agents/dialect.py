"""How commands' output, exit codes and tokens arrive, where the Agent Client Protocol leaves that to each agent.

A dialect is small functions over one payload; the plain one knows what ACP names and what most agents do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .payload import text_of, value_of, whole_number_of
from .updates import Stream, TokenUsage

MAX_WRITTEN_CHARACTERS = 16 * 1024 * 1024
MAX_LEFT_OUT_BYTES = 2**53
"""More is not believed: the number comes from the agent, and is added to a column."""
_STREAMS: Mapping[str | None, Stream] = {"stdout": "stdout", "stderr": "stderr"}


@dataclass(frozen=True, slots=True)
class OutputPiece:
    """More of what a running command writes."""

    stream: Stream
    text: str


class Written:
    """What a running command has written until now, both streams together, up to MAX_WRITTEN_CHARACTERS."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._room_characters = MAX_WRITTEN_CHARACTERS

    def add(self, text: str) -> None:
        """What comes when there is no room is in the events alone."""
        if self._room_characters > 0:
            self._parts.append(text[: self._room_characters])
            self._room_characters -= len(text)

    @property
    def text(self) -> str:
        self._parts = ["".join(self._parts)]
        return self._parts[0]


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The end of a command, as CommandFinished has it; ``stdout`` None: the text that was given is all of it."""

    exit_code: int | None = None
    stdout: str | None = None
    stderr: str = ""
    stdout_file: str | None = None
    stderr_file: str | None = None
    exit_code_file: str | None = None
    reason: str = ""
    left_out_bytes: Mapping[Stream, int] = field(default_factory=dict)


def plain_output(payload: Mapping[str, Any], _: Written) -> OutputPiece | None:
    """``_meta.quarterdeck.output``: how the built-in agent tells it (ACP has no word for it)."""
    output = value_of(payload, "_meta", "quarterdeck", "output")
    stream, text = _STREAMS.get(text_of(output, "stream")), text_of(output, "data")
    return OutputPiece(stream, text) if stream and text else None


def plain_result(payload: Mapping[str, Any], text: str) -> CommandResult:
    """``rawOutput`` with ``stdout``, ``stderr`` and ``exit_code`` where they are; else the text.

    ``_meta.quarterdeck`` has the built-in agent's files, and how many of a stream's last bytes are not in its file.
    """
    raw_output = value_of(payload, "rawOutput")
    files = value_of(payload, "_meta", "quarterdeck", "outputFiles")
    exit_code, stdout = whole_number_of(raw_output, "exit_code"), text_of(raw_output, "stdout")
    return CommandResult(
        exit_code=exit_code if exit_code is not None else whole_number_of(raw_output, "exitCode"),
        stdout=stdout if stdout is not None else text,
        stderr=text_of(raw_output, "stderr") or "",
        stdout_file=text_of(files, "stdout"),
        stderr_file=text_of(files, "stderr"),
        reason=text_of(raw_output, "reason") or "",
        left_out_bytes=_left_out(value_of(payload, "_meta", "quarterdeck", "leftOutBytes")),
    )


def _left_out(told: Any) -> dict[Stream, int]:
    counts = {stream: whole_number_of(told, stream) or 0 for stream in _STREAMS.values()}
    return {stream: min(count, MAX_LEFT_OUT_BYTES) for stream, count in counts.items() if count > 0}


def plain_usage(answer: Mapping[str, Any]) -> TokenUsage | None:
    """``usage`` of the answer to a prompt (ACP, unstable); ``inputTokens`` is taken as it is."""
    total = whole_number_of(answer, "usage", "totalTokens")
    if total is None:
        return None
    names = ("inputTokens", "outputTokens", "cachedReadTokens", "cachedWriteTokens")
    counts = [whole_number_of(answer, "usage", name) or 0 for name in names]
    return TokenUsage(total, *counts)


def as_it_is(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool call in the words of ACP."""
    return payload


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one agent's payloads mean.

    ``plainly`` puts a tool call, an update of it or what is asked about into the words of ACP, before anything else.
    ``output`` reads a piece of a running command's output from a tool call's update; it is given what was written
    before, for agents that send the whole anew each time. ``result`` reads the end of a command, given what was
    written, or the text of the tool call where nothing was. ``usage`` reads the tokens of a turn from the answer to the
    prompt. ``client_meta`` is sent as ``_meta`` of the client's capabilities. Where output is not ``is_live``, its
    pieces come when the command has ended, and may be no output of it at all: what counts is the result.
    ``shell_command`` gives a command as its shell gets it, where that is the one of split_shell.py. ``withheld`` are
    kinds and ids of options that are not offered to people, as they would let more pass than was asked for.
    ``echoes_prompts``: what it sends as the user's words is what it was just told. ``asks_about_begun``: its requests
    for permission name none of its calls; they are about all that have begun and not ended.
    """

    plainly: Callable[[Mapping[str, Any]], Mapping[str, Any]] = as_it_is
    output: Callable[[Mapping[str, Any], Written], OutputPiece | None] = plain_output
    result: Callable[[Mapping[str, Any], str], CommandResult] = plain_result
    usage: Callable[[Mapping[str, Any]], TokenUsage | None] = plain_usage
    client_meta: Mapping[str, Any] = field(default_factory=dict)
    is_live: bool = True
    shell_command: Callable[[str], str] | None = None
    withheld: frozenset[str] = frozenset()
    echoes_prompts: bool = False
    asks_about_begun: bool = False


PLAIN = Dialect()
