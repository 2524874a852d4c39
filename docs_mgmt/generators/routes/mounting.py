"""Routers under routers: the prefixes that a router's routes have, of every way from an app down to it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from docs_mgmt.generators.routes.tree import joined

MAX_DEPTH = 12
MAX_PREFIXES = 50
"""Ways to one router: of more, those that are found first."""

RouterKey = tuple[str, str]
"""The file that makes a router, and its name there."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A router under another; `replaces_own`: the prefix stands in the place of the child's own one."""

    parent: RouterKey
    child: RouterKey
    prefix: str
    replaces_own: bool = False


@dataclass(slots=True)
class Mounts:
    """All of a project's, with the prefixes that routers have of their own."""

    own: dict[RouterKey, str] = field(default_factory=dict)
    _above: dict[RouterKey, list[Mount]] = field(default_factory=dict)

    def add(self, mount: Mount) -> None:
        """One more, which may be known already."""
        known = self._above.setdefault(mount.child, [])
        if mount not in known:
            known.append(mount)

    def prefixes(self, router: RouterKey) -> list[str]:
        """What stands before its routes, each once; at least one."""
        found: dict[str, None] = {}
        for prefix in self._ways(router):
            found[prefix] = None
            if len(found) == MAX_PREFIXES:
                break
        return list(found) or [self.own.get(router, "")]

    def _ways(self, router: RouterKey) -> Iterator[str]:
        """From the router up; a router under itself ends."""
        waiting = [(router, "", frozenset({router}))]
        for _ in range(MAX_PREFIXES * MAX_DEPTH):
            if not waiting:
                return
            here, below, passed = waiting.pop()
            prefix = _under(self.own.get(here, ""), below)
            above = self._above.get(here, [])
            if not above or len(passed) > MAX_DEPTH:
                yield prefix
            for mount in reversed(above):
                if mount.parent not in passed:
                    path = _under(mount.prefix, below if mount.replaces_own else prefix)
                    waiting.append((mount.parent, path, passed | {mount.parent}))


def _under(prefix: str, path: str) -> str:
    return joined(prefix, path) if prefix and path else prefix or path
