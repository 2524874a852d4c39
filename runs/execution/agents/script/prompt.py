"""Reads a CommonMark prompt into steps; refuses a block that it cannot do, before anything is done.

Fenced code blocks (CommonMark 0.31, section 4.5) act when the first word of their info string is one of ours, also
inside lists and quotations; all other text is said.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.common.utils import unescapeAll
from markdown_it.token import Token

from .blocks import AppendFile, ApplyPatch, Ask, DeleteFile, Plan, Say, Shell, Sleep, Step, WriteFile

LONGEST_WAIT_SECONDS = 86_400
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)


class PromptError(Exception):
    """The prompt cannot be carried out; its author must change the named line (counted from 1)."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


def parse_prompt(text: str) -> tuple[Step, ...]:
    """The steps of ``text`` in order; raises PromptError. Lone surrogates become question marks."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    markdown = MarkdownIt("commonmark")
    markdown.core.ruler.enableOnly(["normalize", "block"])
    lines = re.split(r"\r\n|\r|\n", text)
    return tuple(step for block in _top_level_blocks(markdown.parse(text)) for step in _read_block(block, lines))


def _top_level_blocks(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    start = 0
    for index, token in enumerate(tokens):
        if token.level == 0 and token.nesting <= 0:
            yield tokens[start : index + 1]
            start = index + 1


def _read_block(block: Sequence[Token], lines: Sequence[str]) -> Iterator[Step]:
    if not any(_is_acting(token) for token in block):
        first, last = block[0].map or [0, 0]
        if block[0].type != "hr":
            yield from _said("\n".join(lines[first:last]), first + 1)
        return
    for token in block:
        if _is_acting(token):
            yield _read_fence(token)
        elif token.content:
            yield from _said(token.content, _line(token))


def _said(text: str, line: int) -> Iterator[Say]:
    if text.strip():
        yield Say(line, text.strip("\n"))


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1


def _info(token: Token) -> tuple[str, str]:
    """The first word of the info string, and the rest of it."""
    words = re.split(r"[ \t]+", unescapeAll(token.info).strip(), maxsplit=1)
    return words[0], words[1] if len(words) > 1 else ""


def _is_acting(token: Token) -> bool:
    return token.type == "fence" and _info(token)[0] in _READERS


def _read_fence(token: Token) -> Step:
    word, rest = _info(token)
    return _READERS[word](_line(token), rest, token.content)


def _read_shell(line: int, rest: str, content: str) -> Shell:
    timeout_seconds: float | None = None
    is_failure_allowed = False
    for option in rest.split():
        if option == "allow-fail":
            is_failure_allowed = True
        elif option.startswith("timeout="):
            timeout_seconds = _seconds(option.removeprefix("timeout="), line, "timeout")
            if timeout_seconds == 0:
                raise PromptError(line, "timeout must be more than 0 seconds")
        else:
            raise PromptError(line, f"sh has no option {option!r}; it has timeout=SECONDS and allow-fail")
    return Shell(line, content, timeout_seconds, is_failure_allowed)


def _seconds(text: str, line: int, name: str) -> float:
    if not _SECONDS.fullmatch(text) or float(text) > LONGEST_WAIT_SECONDS:
        raise PromptError(line, f"{name} takes a number of seconds up to {LONGEST_WAIT_SECONDS}, not {text!r}")
    return float(text)


def _path(line: int, word: str, rest: str) -> str:
    if not rest:
        raise PromptError(line, f"{word} needs a path, as in: {word} docs/notes.txt")
    return rest


def _no_options(line: int, word: str, rest: str) -> None:
    if rest:
        raise PromptError(line, f"{word} takes no options, but has {rest!r}")


def _read_file(line: int, rest: str, content: str) -> WriteFile:
    return WriteFile(line, _path(line, "file", rest), content)


def _read_append(line: int, rest: str, content: str) -> AppendFile:
    return AppendFile(line, _path(line, "append", rest), content)


def _read_delete(line: int, rest: str, content: str) -> DeleteFile:
    return DeleteFile(line, _path(line, "delete", rest))


def _read_patch(line: int, rest: str, content: str) -> ApplyPatch:
    _no_options(line, "patch", rest)
    return ApplyPatch(line, content)


def _read_ask(line: int, rest: str, content: str) -> Ask:
    _no_options(line, "ask", rest)
    if not content.strip():
        raise PromptError(line, "ask needs a question in its block")
    return Ask(line, content.strip())


def _read_plan(line: int, rest: str, content: str) -> Plan:
    _no_options(line, "plan", rest)
    return Plan(line, tuple(entry.strip() for entry in content.split("\n") if entry.strip()))


def _read_sleep(line: int, rest: str, content: str) -> Sleep:
    if not rest:
        raise PromptError(line, "sleep needs a number of seconds, as in: sleep 2")
    return Sleep(line, _seconds(rest, line, "sleep"))


_READERS: dict[str, Callable[[int, str, str], Step]] = {
    "sh": _read_shell,
    "file": _read_file,
    "append": _read_append,
    "delete": _read_delete,
    "patch": _read_patch,
    "ask": _read_ask,
    "plan": _read_plan,
    "sleep": _read_sleep,
}
