"""Which commands need no asking: plain words, told apart from what a shell makes more of; it knows no Django."""

import re
from collections.abc import Iterable

_PLAIN = re.compile(r"[\w@%+=:,./-]+( +[\w@%+=:,./-]+)*", re.ASCII)
"""Words that every shell takes as they are (those that `shlex.quote` leaves alone), and blanks between them."""


def plain_command(text: str) -> str | None:
    """Rule: the beginning of a command, in plain words."""
    if _PLAIN.fullmatch(text) and not _sets_a_variable(text):
        return None
    return (
        "takes commands in plain words: letters, digits and @%+=:,./_- with single blanks, nothing that a shell reads."
    )


def covering(allowed: Iterable[str], command: str) -> str | None:
    """The entry whose words the command begins with, None where there is none or a shell would make more of it.

    `git status` covers `git status` and `git status -s`, not `git status; rm -rf .`, `git stash` or `X=1 git status`.
    """
    text = command.strip(" \n")
    if not _PLAIN.fullmatch(text) or _sets_a_variable(text):
        return None
    words = text.split()
    return next((entry for entry in allowed if words[: len(entry.split())] == entry.split()), None)


def _sets_a_variable(text: str) -> bool:
    return "=" in text.split(maxsplit=1)[0]
