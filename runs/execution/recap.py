"""What an agent is told of a run that it cannot remember: made from the run's own log, and bounded.

Every line that stands here for something of the run is indented, as code is in Markdown, and marked as quoted: no agent
takes it for what it is to do now.
"""

import json
from collections.abc import Iterator
from typing import Any

from runs.execution.agents.profile import AgentProfile
from runs.execution.attachments import path_of
from runs.execution.prompts import Prompt
from runs.models import RunAttempt, RunMessage

MAX_CHARACTERS = 24_000
MAX_EVENTS = 5_000
MAX_FILES = 100
MAX_TASK_CHARACTERS = 8_000
_MARK = "    > "
_SAID_CHARACTERS = {"agent_message": 2_000, "user_message": 2_000, "command_finished": 300, "tool_finished": 200}
_NAMES = {
    "agent_message": "You said",
    "user_message": "You were told",
    "command_finished": "You ran",
    "tool_finished": "You did",
}
_AFTER_A_STOP = """\
[From the server that runs you] Your process was ended while you worked on what follows, and started again. Your session
and the work tree are as they were then. Go on from there; what is done need not be done again.

"""
_ANEW = """\
[From the server that runs you] You were started anew, and your former session is gone. The work tree is as it was left.
"""


def worded(prompt: Prompt, attempt: RunAttempt, profile: AgentProfile) -> tuple[str, str]:
    """How the agent is told: the text of its turn, and the recap in it, empty where it remembers by itself."""
    if attempt.is_recap_due:
        recap = recap_of(attempt, prompt)
        return f"{recap}{prompt.text}", recap
    if _has_begun(prompt, attempt) and not profile.knows_turns:
        return f"{_AFTER_A_STOP}{prompt.text}", ""
    return prompt.text, ""


def _has_begun(prompt: Prompt, attempt: RunAttempt) -> bool:
    if prompt.message is not None:
        return prompt.message.status == RunMessage.Status.GIVEN
    return attempt.is_prompt_given


def recap_of(attempt: RunAttempt, prompt: Prompt) -> str:
    """The run so far, up to MAX_CHARACTERS: its task, what was said and done, oldest first, and the changed files.

    The latest is kept where there is too much. Empty where nothing has happened yet.
    """
    task = ""
    if prompt.message is not None:
        task = _indented(_cut(attempt.run.prompt, MAX_TASK_CHARACTERS) + _attached(attempt.run.attached))
    files, story = _files(attempt), _story(attempt)
    if not (task or files or story or _has_begun(prompt, attempt)):
        return ""
    parts = [_ANEW]
    if task:
        parts.append(f"\nYour task was:\n\n{task}\n")
    if files:
        parts.append(f"\nFiles that have changed since the run began:\n\n{files}\n")
    end = "\nGo on with this:\n\n"
    if story:
        room = MAX_CHARACTERS - sum(map(len, parts)) - len(end)
        parts.append(
            f"\nWhat has happened so far; what is done need not be done again:\n\n{_last(story, room - 200)}\n"
        )
    return "".join((*parts, end))


def _story(attempt: RunAttempt) -> list[str]:
    """One text for each thing that was said or done, indented, oldest first."""
    told = dict.fromkeys(attempt.run.messages.exclude(status=RunMessage.Status.PENDING).values_list("pk", flat=True))
    entries: list[tuple[str, str, str]] = []
    for event_type, message_id, text in _events(attempt):
        if event_type == "user_message" and message_id not in told:
            continue
        if event_type == "agent_message" and entries and entries[-1][:2] == (event_type, str(message_id)):
            entries[-1] = (event_type, str(message_id), entries[-1][2] + text)
        else:
            entries.append((event_type, str(message_id), text))
    return [
        _indented(f"{_NAMES[event_type]}: {_cut(text, _SAID_CHARACTERS[event_type])}")
        for event_type, _, text in entries
        if text.strip()
    ]


def _events(attempt: RunAttempt) -> Iterator[tuple[str, Any, str]]:
    """Type, message and text of the latest events, oldest first."""
    events = attempt.run.events.filter(attempt=attempt.number, event_type__in=_NAMES)
    rows = list(events.order_by("-id").values_list("event_type", "body")[:MAX_EVENTS])
    for event_type, body in reversed(rows):
        event = json.loads("{" + body)
        data = event["data"] if isinstance(event["data"], dict) else {}
        yield event_type, data.get("messageId"), event["message"] + _attached(data.get("attachments") or ())


def _attached(attached: Any) -> str:
    """Where the files lie that came with what the agent was told."""
    names = [f"~/{path_of(each['id'], each['name'])}" for each in attached]
    return f"\nAttached: {', '.join(names)}" if names else ""


def _files(attempt: RunAttempt) -> str:
    changed = attempt.files.order_by("path").values_list("change_type", "path", "additions", "deletions")
    lines = [f"{kind} {path[:300]} (+{added} -{deleted})" for kind, path, added, deleted in changed[:MAX_FILES]]
    more = changed.count() - len(lines)
    return _cut(_indented("\n".join(lines + [f"and {more} more"] * (more > 0))), MAX_CHARACTERS // 3)


def _last(story: list[str], room: int) -> str:
    """As many of the latest as there is room for."""
    kept: list[str] = []
    for text in reversed(story):
        room -= len(text) + 1
        if room < 0:
            kept.append(f"{_MARK}… (what came before is left out)")
            break
        kept.append(text)
    return "\n".join(reversed(kept))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def _indented(text: str) -> str:
    return "\n".join(f"{_MARK}{line}" for line in text.splitlines())
