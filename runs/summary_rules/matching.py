"""How rules look at names and lines: words of a path, files by their names, lines that say something."""

import re
from collections.abc import Iterable, Sized

from runs.summary_rules.facts import ChangedFile

MAX_LINE_CHARACTERS = 1_000
"""Of a longer line the beginning is looked at."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def words_of(path: str) -> set[str]:
    """The words of a path in small letters: `app/AuthTokens.py` has app, auth, tokens and py."""
    return {word.lower() for word in _WORD.findall(path[:MAX_LINE_CHARACTERS])}


def name_of(path: str) -> str:
    """The file's name without its folders, in small letters."""
    return path.rpartition("/")[2].lower()


def is_code(file: ChangedFile) -> bool:
    """Whether it is what runs: no documents, pictures or tests."""
    return file.kind not in ("docs", "asset", "test")


def paths_of(file: ChangedFile) -> tuple[str, ...]:
    """The path, and the one it had before."""
    return (file.path,) if file.old_path is None else (file.path, file.old_path)


def matching(files: Iterable[ChangedFile], pattern: re.Pattern[str]) -> list[str]:
    """The paths of those whose whole path, old or new, is of this form."""
    return [file.path for file in files if any(pattern.fullmatch(path) for path in paths_of(file))]


def says(lines: Iterable[str], pattern: re.Pattern[str]) -> bool:
    """Whether something in one of the lines is of this form."""
    return any(pattern.search(line[:MAX_LINE_CHARACTERS]) for line in lines)


def changed_lines(file: ChangedFile) -> list[str]:
    """What was added and what was removed."""
    return [*(text for _, text in file.added), *file.removed]


def files_told(paths: Sized, one: str, many: str) -> str:
    """`1 file …` or `3 files …`."""
    return f"1 file {one}" if len(paths) == 1 else f"{len(paths)} files {many}"
