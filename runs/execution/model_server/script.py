"""The script in a prompt, and what is due at each of its steps; it knows no API and no tool.

One step a line; what stands around such lines is not for us::

    @@write PATH|TEXT       write a file of that one line
    @@sh COMMAND            run a command
    @@call TOOL|JSON        call a tool of that name, or of one that ends with it, with these arguments
    @@say TEXT              say something
    @@slow SECONDS          say something for so long
    @@usage INPUT OUTPUT    the tokens that every call claims to have used
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

LINE = re.compile(r"^[ \t]*@@(write|sh|call|say|slow|usage)[ \t]+(\S.*?)[ \t\r]*$", re.MULTILINE)
LONGEST_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call."""

    input_tokens: int = 1000
    output_tokens: int = 50


@dataclass(frozen=True, slots=True)
class Write:
    """A file to be written."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Shell:
    """A command to be run."""

    command: str


@dataclass(frozen=True, slots=True)
class Call:
    """A tool to be called as it is."""

    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Say:
    """Something to be said, over so many seconds."""

    text: str
    seconds: float = 0.0


Deed = Write | Shell | Call
Step = Deed | Say | Usage


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of the model: what it says first, then the one thing that it does; None ends the agent's turn."""

    says: tuple[Say, ...]
    does: Deed | None


@dataclass(frozen=True, slots=True)
class Script:
    """The steps of one prompt."""

    steps: tuple[Step, ...]

    @property
    def usage(self) -> Usage:
        """What every call of this script claims; the last word counts."""
        return next((step for step in reversed(self.steps) if isinstance(step, Usage)), Usage())

    def turn(self, results: int) -> Turn:
        """What is due after so many results of tools; beyond the last step, the words that close it."""
        says: list[Say] = []
        for step in self.steps:
            if isinstance(step, Say) and not results:
                says.append(step)
            elif isinstance(step, Deed):
                if not results:
                    return Turn(tuple(says), step)
                results -= 1
        return Turn(tuple(says) or (Say("All steps of the script are done."),), None)


def read_script(text: str) -> Script | None:
    """The script in a text, None without any. A line that cannot be followed becomes words that say so."""
    steps = tuple(_step(found[1], found[2]) for found in LINE.finditer(text))
    return Script(steps) if steps else None


def _step(kind: str, argument: str) -> Step:
    try:
        return _READERS[kind](argument)
    except ValueError:
        return Say(f"This line of the script cannot be followed: @@{kind} {argument}")


def _write(argument: str) -> Write:
    path, bar, text = argument.partition("|")
    if not bar or not path.strip():
        raise ValueError(argument)
    return Write(path.strip(), text)


def _call(argument: str) -> Call:
    tool, _, text = argument.partition("|")
    arguments = json.loads(text or "{}")
    if not isinstance(arguments, dict):
        raise ValueError(argument)
    return Call(tool.strip(), arguments)


def _slow(argument: str) -> Say:
    seconds = float(argument)
    if not 0 < seconds <= LONGEST_SECONDS:
        raise ValueError(argument)
    return Say("", seconds)


def _usage(argument: str) -> Usage:
    input_tokens, output_tokens = map(int, argument.split())
    if input_tokens < 0 or output_tokens < 0:
        raise ValueError(argument)
    return Usage(input_tokens, output_tokens)


_READERS: Mapping[str, Callable[[str], Step]] = {
    "write": _write,
    "sh": Shell,
    "call": _call,
    "say": Say,
    "slow": _slow,
    "usage": _usage,
}
