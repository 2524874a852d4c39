"""What the demo prints: steps, one line an event, diffs; coloured on a terminal that wants it."""

import os
import sys
from typing import Any

from runs.event_lines import event_line, paint, printable


class Output:
    """Writes lines to standard output."""

    def __init__(self) -> None:
        self._coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def _paint(self, text: str, colour: str) -> str:
        return paint(text, colour, coloured=self._coloured)

    def step(self, text: str) -> None:
        """One thing that the demo does."""
        print(self._paint(f"==> {text}", "1"), flush=True)

    def event(self, event: dict[str, Any]) -> None:
        """One line for one event of the stream."""
        print(event_line(event, coloured=self._coloured), flush=True)

    def diff(self, text: str) -> None:
        """A unified diff."""
        for line in text.splitlines():
            colour = {"+": "32", "-": "31", "@": "36"}.get(line[:1], "0")
            print("    " + self._paint(printable(line), colour))

    def failure(self, reason: str, log: str) -> None:
        """Why the demo ends badly, with the server's last words."""
        print(self._paint(f"demo failed: {reason}", "1;31"), file=sys.stderr)
        if log:
            print(f"--- the server's log ---\n{log}", file=sys.stderr)
