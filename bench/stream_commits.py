"""Commits events on command, in whichever process: a line of standard input is a number of events, the answer a time.

The answer is the moment of the commit in seconds of the machine's monotonic clock, which all processes share. Only this
file of the stream's bench is read by the peer too, whose interpreter has nothing of ours.
"""

import sys
import time
from collections.abc import Callable

MARK = b"~"
"""Stands once in every event of the bench and nowhere else, so that a reader counts events by counting one byte."""
MESSAGE = MARK.decode() + "What the agent says, about as long as such messages are. " * 3
DATA = {"toolCallId": "call_0123456789", "status": "in_progress", "lines": 12}
Commit = Callable[[int], float]


def answer_commands(commit: Commit) -> None:
    """Until standard input ends."""
    for line in sys.stdin:
        print(commit(int(line)), flush=True)


def committer(run_id: int) -> Commit:
    """Appends to that run as the server does: all events of a command in one transaction."""
    from django.db import transaction

    from runs.events import Draft, append
    from runs.models import Run

    run = Run.objects.get(pk=run_id)
    draft = Draft("agent_message", MESSAGE, data=DATA)

    def commit(events: int) -> float:
        committed_at: list[float] = []
        with transaction.atomic():
            transaction.on_commit(lambda: committed_at.append(time.monotonic()))  # before the server's own
            append(run, [draft] * events)
        return committed_at[0]

    return commit
