"""Takes a shell's command line apart: which programs it runs, and whether its exit code is that of one of them.

Not a shell: what it does not understand it passes over. Never more than MAX_CHARACTERS of a line are looked at.
"""

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

MAX_CHARACTERS = 8_000
MAX_COMMANDS = 100
_HEREDOC = re.compile(r"<<-?[ \t]?['\"]?(\w{1,40})")
_SHELLS = frozenset({"sh", "bash", "zsh", "dash", "ksh"})
_SHELL_FLAGS = re.compile(r"-[a-z]*c")
_OPERATOR = re.compile(r"[;|&()<>\n]+")
_STREAMS = ("1", "2")
_MAX_DEPTH = 3


@dataclass(frozen=True, slots=True)
class SimpleCommand:
    """One program with its words. `has_the_say`: an exit code of 0 of the whole line says that it succeeded.

    `folder` is where the line has gone before, relative to where it began; empty where it stayed.
    """

    words: tuple[str, ...]
    has_the_say: bool
    folder: str = ""


def simple_commands(line: str) -> list[SimpleCommand]:
    """The programs of a line, in order; those of `sh -c '…'` in place of the shell."""
    return _commands(line[:MAX_CHARACTERS], 0)[:MAX_COMMANDS]


def _commands(line: str, depth: int) -> list[SimpleCommand]:
    keeps_failures = "pipefail" in line
    found: list[SimpleCommand] = []
    parts = list(islice(_parts(_tokens(_without_heredocs(line))), MAX_COMMANDS))
    folder = ""
    for at, (words, _) in enumerate(parts):
        has_say = _has_the_say(_operators_after(parts, at), keeps_failures=keeps_failures)
        inner = _unwrapped(words, has_say=has_say, depth=depth)
        found += [replace(each, folder=_joined(folder, each.folder)) for each in inner]
        if words[:1] == ["cd"] and len(words) > 1:
            folder = _joined(folder, words[1])
    return found


def _joined(folder: str, then: str) -> str:
    return posixpath.join(folder, then) if then else folder


def _operators_after(parts: Sequence[tuple[list[str], str]], at: int) -> list[str]:
    """The operators between a command and the last one."""
    last = max((number for number, (words, _) in enumerate(parts) if words), default=0)
    return [operator for _, operator in parts[at:last]]


def _has_the_say(operators: Sequence[str], *, keeps_failures: bool) -> bool:
    """Only over `&&` does a failure come to the end; a pipe's code is that of its last program (POSIX, 2.9.2)."""
    if operators and operators[0] == "|" and not keeps_failures:
        return False
    return all(operator in ("&&", "|") for operator in operators)


def _unwrapped(words: list[str], *, has_say: bool, depth: int) -> Iterator[SimpleCommand]:
    if not words:
        return
    if words[0].rpartition("/")[2] in _SHELLS and depth < _MAX_DEPTH:
        for flag, script in pairwise(words[1:]):
            if _SHELL_FLAGS.fullmatch(flag):
                for inner in _commands(script, depth + 1):
                    yield replace(inner, has_the_say=inner.has_the_say and has_say)
                return
    yield SimpleCommand(tuple(words), has_say)


def _without_heredocs(line: str) -> str:
    """What a program is given as its input is no command."""
    kept: list[str] = []
    end = ""
    for each in line.replace("\\\n", " ").split("\n"):
        if end:
            end = "" if each.strip() == end else end
            continue
        if not each.lstrip().startswith("#"):
            kept.append(each)
        match = _HEREDOC.search(each)
        end = match[1] if match else ""
    return "\n".join(kept)


def _tokens(line: str) -> list[str]:
    """Words and operators; where quotes do not end, what stands between blanks."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&()<>\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    try:
        return list(lexer)
    except ValueError:
        return re.findall(r"[;|&()<>\n]+|[^\s;|&()<>]+", line)


def _parts(tokens: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """Words and the operator after them, empty at the end. What is redirected is left out."""
    words: list[str] = []
    is_target = False
    for token in tokens:
        if _OPERATOR.fullmatch(token) is None:
            if not is_target:
                words.append(token)
            is_target = False
        elif "<" in token or ">" in token:
            is_target = True
            if words and words[-1] in _STREAMS:
                words.pop()
        else:
            is_target = False
            yield words, _operator(token)
            words = []
    yield words, ""


def _operator(token: str) -> str:
    """`&&`, `|`, or `;` for all others, after which the code of what stood before is forgotten."""
    bare = token.strip("\n()")
    return bare if bare in ("&&", "|") else ";"
