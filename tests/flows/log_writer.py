"""Another process that writes to a real server's log, whether or not its web process lives."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.serving import ROOT, Server

# Marks that a careless reader of lines, or writer of frames, stumbles over.
HOSTILE = 'é \u2028 \u2029 \u0085 \v \f \r \n\nid: 1\ndata: x\n\n:ping \N{FIRE} \\n "'
WRITE = """
import json, sys
import django
django.setup()
from projects.models import Project
from runs.events import Draft, append
from runs.models import AgentEvent, Run

def appended(run, event_type, count, message):
    append(Run.objects.get(pk=run), [Draft(event_type, f"{number} {message}") for number in range(count)])

def made():
    project = Project.objects.create(name="Sample", slug="sample", repository_url="https://git.example.com/a.git")
    return Run.objects.create(project=project, title="Try", prompt="Hello.", selected_agent="script").pk

def rows(run):
    return [json.loads('{"id":%d,%s' % row) for row in
            AgentEvent.objects.filter(run=run).order_by("id").values_list("id", "body")]

for line in sys.stdin:
    name, *arguments = json.loads(line)
    print(json.dumps({"append": appended, "make": made, "rows": rows}[name](*arguments)), flush=True)
"""


class LogWriter:
    """A run of a project that only operators see, and its log. For one thread."""

    def __init__(self, server: Server) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WRITE],
            cwd=ROOT,
            env=server.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.run: int = 0

    def __enter__(self) -> "LogWriter":
        self._process.__enter__()
        self.run = self._call("make")
        return self

    def __exit__(self, *error: Any) -> None:
        self._process.__exit__(*error)

    def append(self, count: int, event_type: str = "agent_message", message: str = HOSTILE) -> None:
        """So many more events, in one transaction."""
        if count:
            self._call("append", self.run, event_type, count, message)

    def rows(self) -> list[dict[str, Any]]:
        """The table's events of the run, as the API shows them."""
        found: list[dict[str, Any]] = self._call("rows", self.run)
        return found

    def last_id(self) -> int:
        """The newest event's id."""
        return int(self.rows()[-1]["id"])

    def _call(self, *words: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def writing(server: Server, count: int = 0) -> Iterator[LogWriter]:
    """A writer whose run has so many events."""
    with LogWriter(server) as writer:
        writer.append(count)
        yield writer


def long_run(server: Server, events: int, text_bytes: int) -> int:
    """The id of a run with so many events of that length, written two hundred at a time."""
    with writing(server) as writer:
        for _ in range(events // 200):
            writer.append(200, message="x" * text_bytes)
        return writer.run
