"""What the demo prints: steps, one line an event, diffs; coloured on a terminal that wants it."""

import os
import sys
from typing import Any

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


class Output:
    """Writes lines to standard output."""

    def __init__(self) -> None:
        self._coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def _paint(self, text: str, colour: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._coloured else text

    def step(self, text: str) -> None:
        """One thing that the demo does."""
        print(self._paint(f"==> {text}", "1"), flush=True)

    def event(self, event: dict[str, Any]) -> None:
        """One line for one event of the stream."""
        kind = str(event["eventType"])
        shown = event["message"] or event["data"].get("text", "")
        text = _printable(shown.strip().replace("\n", " ⏎ "))[:110]
        label = self._paint(f"{kind:<20}", _COLOURS.get(kind.partition("_")[0], "0"))
        print(f"{event['seq']:>4}  {label} {text}", flush=True)

    def diff(self, text: str) -> None:
        """A unified diff."""
        for line in text.splitlines():
            colour = {"+": "32", "-": "31", "@": "36"}.get(line[:1], "0")
            print("    " + self._paint(_printable(line), colour))

    def failure(self, reason: str, log: str) -> None:
        """Why the demo ends badly, with the server's last words."""
        print(self._paint(f"demo failed: {reason}", "1;31"), file=sys.stderr)
        if log:
            print(f"--- the server's log ---\n{log}", file=sys.stderr)


def _printable(text: str) -> str:
    """A repository's names and an agent's words must not steer the terminal."""
    return "".join(each if each.isprintable() or each == "\t" else "\N{REPLACEMENT CHARACTER}" for each in text)
