"""What an agent has been shown of the code index in its present session, by the run's own log: it remembers that."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from projects.indexing.search import FoundChunk, FoundFile
from runs.models import RunAttempt

LATEST_EVENTS = 200


@dataclass(frozen=True)
class Given:
    """Passages by path with their first and last lines, paths of lines in the map, names of tables."""

    passages: set[tuple[str, int, int]] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)

    def left_of(self, files: Sequence[FoundFile]) -> list[FoundFile]:
        """Those files, with the chunks that are in no passage; without those that have no other."""
        left = [replace(file, chunks=tuple(self._unknown(file))) for file in files]
        return [file for file in left if file.chunks]

    def _unknown(self, file: FoundFile) -> Iterator[FoundChunk]:
        shown = [(start, end) for path, start, end in self.passages if path == file.path]
        for chunk in file.chunks:
            if not any(start <= chunk.start_line and chunk.end_line <= end for start, end in shown):
                yield chunk


def given_to(attempt: RunAttempt, commit: str) -> Given:
    """What was shown of the index of that commit; nothing to an agent that was started anew, which has forgotten it."""
    given = Given()
    if attempt.is_recap_due:
        return given
    events = attempt.run.events.filter(attempt=attempt.number, event_type="context_retrieved").order_by("-id")
    for body in events.values_list("body", flat=True)[:LATEST_EVENTS]:
        data = json.loads("{" + body)["data"]
        if isinstance(data, dict) and (data.get("sessionId"), data["commit"]) == (attempt.session_id, commit):
            given.listed.update(data["listed"])
            given.tables.update(data["tables"])
            given.passages.update(
                (file["path"], passage["startLine"], passage["endLine"])
                for file in data["files"]
                for passage in file["passages"]
            )
    return given
