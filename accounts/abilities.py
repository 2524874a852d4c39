"""Abilities: what a token may do. `projects:*` matches every ability of its group, `*` everything."""

from collections.abc import Iterable

ALL = (
    "projects:read",
    "projects:write",
    "runs:start",
    "runs:control",
    "git:commit",
    "git:push",
    "settings:read",
    "settings:write",
)
DEFAULT = ("projects:*", "runs:start", "runs:control", "git:commit", "settings:read")
ELEVATED = ("git:push", "settings:write")
OPERATOR_ONLY = frozenset({"settings:write"})
CONSOLE_SESSION = ("projects:read", "settings:read")
KNOWN = frozenset({"*", *ALL, *(f"{ability.split(':')[0]}:*" for ability in ALL)})


def matches(granted: Iterable[str], wanted: str) -> bool:
    """Whether one of the granted abilities covers the wanted one."""
    group = wanted.partition(":")[0]
    return any(ability in ("*", f"{group}:*", wanted) for ability in granted)


def missing_from(granted: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Those of the wanted abilities, wildcards opened, that the granted ones do not cover."""
    granted = tuple(granted)
    return [ability for ability in wanted if not all(matches(granted, each) for each in _open(ability))]


def _open(ability: str) -> list[str]:
    group, _, name = ability.partition(":")
    return [each for each in ALL if each.startswith(f"{group}:")] if name == "*" else [ability]
