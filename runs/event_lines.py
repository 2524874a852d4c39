"""An event as one line of a terminal. Knows no Django: the demonstration and `bin/manage tail_run` both use it."""

from collections.abc import Mapping
from typing import Any

MAX_SHOWN_CHARACTERS = 110
_COLOURS = {
    "run": "36",
    "agent": "0",
    "tool": "34",
    "command": "33",
    "file": "32",
    "plan": "35",
    "git": "1;32",
    "snapshot": "90",
    "review": "1;35",
    "permission": "1;33",
}


def paint(text: str, colour: str, *, coloured: bool) -> str:
    """The text in a colour (ECMA-48, SGR), or as it is."""
    return f"\033[{colour}m{text}\033[0m" if coloured else text


def printable(text: str) -> str:
    """A repository's names and an agent's words must not steer the terminal."""
    return "".join(each if each.isprintable() or each == "\t" else "\N{REPLACEMENT CHARACTER}" for each in text)


def event_line(event: Mapping[str, Any], *, coloured: bool) -> str:
    """`  57  file_updated         app/models.py`: seq, type and the beginning of what it says."""
    kind = str(event["eventType"])
    shown = event["message"] or event["data"].get("text", "")
    text = printable(str(shown).strip().replace("\n", " ⏎ "))[:MAX_SHOWN_CHARACTERS]
    label = paint(f"{kind:<20}", _COLOURS.get(kind.partition("_")[0], "0"), coloured=coloured)
    return f"{event['seq']:>4}  {label} {text}"
