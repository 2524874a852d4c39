"""What a model that follows the script answers to one request, whatever API it came by."""

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .script import Deed, Say, Script, Usage, Write, read_script
from .tools import Arguments, Tool, example, phrase

PIECE_SECONDS = 0.25
# How Codex tells its model; where it says "never", whoever asks is refused.
APPROVAL_POLICY = re.compile(r"approval policy is currently ([\w-]+)", re.IGNORECASE)
# How agents tell their models where they work: opencode and Claude, Gemini and Qwen, OpenHands, Codex.
WORKING_DIRECTORY = re.compile(r"(?:working (?:in the )?directory(?: is)?: *|<cwd>)(/[^\s<\"\\\]]+)", re.IGNORECASE)


class RequestNotUnderstood(ValueError):
    """The request is none of its API's; the text says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. ``results``: how many results of tools came after the last prompt with a script, ``prompt``."""

    model: str
    streams: bool
    tools: tuple[Tool, ...]
    prompt: str
    results: int
    everything: str = ""
    json_schema: Mapping[str, Any] | None = None
    tells_usage: bool = True


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text, and how long it takes until the next."""

    text: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool, with an id."""

    call_id: str
    name: str
    arguments: Arguments

    @property
    def text(self) -> str:
        """The arguments as most APIs carry them."""
        return json.dumps(self.arguments)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says, then the call that it makes, if any. ``answer_id`` is new for each."""

    answer_id: str
    pieces: tuple[Piece, ...]
    call: Call | None
    usage: Usage

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def seconds(self) -> float:
        return sum(piece.seconds for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event (HTML standard, 9.2), and how long it takes until the next."""

    data: Any
    event: str = ""
    seconds: float = 0.0

    def encode(self) -> bytes:
        data = self.data if isinstance(self.data, str) else json.dumps(self.data)
        name = f"event: {self.event}\n" if self.event else ""
        return f"{name}data: {data}\n\n".encode()


@dataclass(frozen=True, slots=True)
class Api:
    """One vendor's way of asking: how a body is read, and how an answer is told, whole and as it comes."""

    name: str
    read: Callable[[Mapping[str, Any]], Asked]
    whole: Callable[[Asked, Answer], dict[str, Any]]
    frames: Callable[[Asked, Answer], Iterator[Frame]]


def answer(asked: Asked) -> Answer:
    """Follow the script; without one, or without tools as for a title, a few plain words."""
    script = read_script(asked.prompt)
    if asked.json_schema is not None:
        return _answer([Piece(json.dumps(example(asked.json_schema)))], None, script)
    if script is None or not asked.tools:
        return _answer([Piece("No script to follow.")], None, script)
    turn = script.turn(asked.results)
    pieces = [piece for say in turn.says for piece in _pieces(say)]
    if turn.does is None:
        return _answer(pieces, None, script)
    use = phrase(_placed(turn.does, asked.everything), asked.tools, may_ask=_may_ask(asked.everything))
    if use is None:
        names = ", ".join(tool.name for tool in asked.tools)
        return _answer([*pieces, Piece(f"None of the tools offered can do this step: {names}.")], None, script)
    return _answer(pieces, Call(f"call_{uuid.uuid4().hex}", use.name, use.arguments), script)


def _answer(pieces: list[Piece], call: Call | None, script: Script | None) -> Answer:
    return Answer(uuid.uuid4().hex, tuple(pieces), call, script.usage if script else Usage())


def _pieces(say: Say) -> Iterator[Piece]:
    if not say.seconds:
        yield Piece(f"{say.text}\n")
        return
    count = max(1, round(say.seconds / PIECE_SECONDS))
    for number in range(count):
        yield Piece(f"tick {number} ", say.seconds / count)


def _may_ask(everything: str) -> bool:
    policies = APPROVAL_POLICY.findall(everything)
    return not policies or policies[-1].lower() != "never"


def _placed(step: Deed, everything: str) -> Deed:
    """With its path absolute, where the agent told its model the folder: some take no other."""
    if not isinstance(step, Write) or step.path.startswith("/"):
        return step
    found = WORKING_DIRECTORY.search(everything)
    return replace(step, path=f"{found[1]}/{step.path}") if found else step
