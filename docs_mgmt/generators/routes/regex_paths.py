"""An address of a regular expression, as a person would write it: `^a/(?P<pk>\\d+)/$` is `a/<pk>/`."""

import re

_NAMED = re.compile(r"\(\?P<(\w+)>")
_UNNAMED = "<…>"


def regex_path(pattern: str) -> str:
    """Without anchors, named groups by their names and others as `<…>`; what else it says stays."""
    inner = pattern.removeprefix("^")
    for end in ("$", r"\Z", r"\z"):
        inner = inner.removesuffix(end)
    written: list[str] = []
    place = 0
    while place < len(inner):
        if inner[place] == "\\" and place + 1 < len(inner):
            written.append(inner[place + 1] if not inner[place + 1].isalnum() else inner[place : place + 2])
            place += 2
        elif inner[place] == "(":
            named = _NAMED.match(inner, place)
            written.append(f"<{named[1]}>" if named else _UNNAMED)
            place = _after_group(inner, place)
        else:
            written.append(inner[place])
            place += 1
    return "".join(written)


def _after_group(pattern: str, place: int) -> int:
    """Where the group that begins here has ended."""
    depth = 0
    is_class = False
    while place < len(pattern):
        character = pattern[place]
        if character == "\\":
            place += 1
        elif character in "[]":
            is_class = character == "["
        elif character in "()" and not is_class:
            depth += 1 if character == "(" else -1
        place += 1
        if depth == 0:
            break
    return place
