"""Comments on lines of a run's changes, told to its agent as one follow-up that quotes the lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accounts.models import User
from config.api.problems import ValidationFailed
from projects.git.files import list_files, read_blob
from projects.workspaces import open_repository
from runs.errors import RunNotMessageable, TreeChanged
from runs.models import Run, RunAttempt, RunMessage
from runs.queries import conflict_members, current_attempt
from runs.services.lifecycle import require_clone
from runs.services.messages import send_message

OPENING = "Comments on your changes:"
MAX_FILE_BYTES = 2 * 1024 * 1024
QUOTED_LINES = 10
QUOTED_CHARACTERS = 200


@dataclass(frozen=True)
class Comment:
    """On lines of a file as the run's tree has it, or (`is_old`) as the base commit had it. Lines count from 1."""

    path: str
    line: int
    end_line: int
    text: str
    is_old: bool = False


def send_comments(
    run: Run, comments: Sequence[Comment], *, actor: User, text: str = "", tree: str | None = None
) -> RunMessage:
    """Sends one message; `tree` is the one that was commented on. Nothing is sent where one fits nowhere (422)."""
    require_clone(run.project, run)
    attempt = current_attempt(run)
    if attempt is None or attempt.tree is None:
        raise RunNotMessageable("The run has changed nothing yet.", **conflict_members(run))
    if tree is not None and tree != attempt.tree:
        detail = "The work tree has changed since it was shown: look at the diff again."
        raise TreeChanged(detail, tree=attempt.tree, **conflict_members(run))
    sides = {is_old: _files(attempt, comments, is_old=is_old) for is_old in (False, True)}
    parts = [_told(number, comment, sides[comment.is_old]) for number, comment in enumerate(comments)]
    return send_message(run, "\n\n".join([text.strip() or OPENING, *parts]), actor=actor)


def _files(attempt: RunAttempt, comments: Sequence[Comment], *, is_old: bool) -> Mapping[str, Sequence[str]]:
    """The lines of the files that are commented on, by path. Links and files without end are not among them."""
    paths = {comment.path for comment in comments if comment.is_old == is_old and _is_inside(comment.path)}
    if not paths:
        return {}
    repository, tree = open_repository(attempt.run.project), attempt.base_commit if is_old else attempt.tree
    found = [file for file in list_files(repository, tree or "", sorted(paths)) if file.size_bytes <= MAX_FILE_BYTES]
    return {file.path: read_blob(repository, file.blob).decode("utf-8", "replace").splitlines() for file in found}


def _is_inside(path: str) -> bool:
    """Git fails on others, instead of not finding them."""
    return not path.startswith("/") and ".." not in path.split("/")


def _told(number: int, comment: Comment, files: Mapping[str, Sequence[str]]) -> str:
    lines = files.get(comment.path)
    if lines is None:
        raise _does_not_fit(number, "path", "does-not-exist", "No such file, or a link, or one over 2 MiB.")
    if comment.end_line > len(lines):
        raise _does_not_fit(number, "line", "out-of-range", f"The file has {len(lines)} lines.")
    chosen = lines[comment.line - 1 : comment.end_line]
    quoted = [f"> {line[:QUOTED_CHARACTERS]}" for line in chosen[:QUOTED_LINES]]
    quoted += ["> …"] if len(chosen) > QUOTED_LINES else []
    place = f"{comment.path}:{comment.line}" + (f"-{comment.end_line}" if comment.end_line > comment.line else "")
    return "\n".join([place + (" (as it was before)" if comment.is_old else ""), *quoted, comment.text.strip()])


def _does_not_fit(number: int, member: str, code: str, detail: str) -> ValidationFailed:
    return ValidationFailed(errors=[{"pointer": f"/comments/{number}/{member}", "code": code, "detail": detail}])
