"""Pictures of a project's doors: what starts its programs, and which files answer which addresses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docs_mgmt.generators.diagrams.mermaid import MAX_EDGES, Arrow, Box, flowchart
from docs_mgmt.generators.diagrams.shapes import Diagram
from docs_mgmt.generators.markdown import counted, names
from docs_mgmt.generators.routes.shapes import EntryPoint, Route, RoutesFound

MAX_ENTRY_POINTS = 60
MAX_FILES_OF_GROUP = 12
MAX_GROUPS = 25
MAX_DEPTH = 6
MAX_DIAGRAMS = 12
_PARAMETERS = ("<", "{", ":", "*", "…", "(")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class _Group:
    """Routes with the same beginning."""

    path: str
    routes: tuple[Route, ...]

    @property
    def files(self) -> list[str]:
        """The files that answer; where a handler's is not known, the one that says the route."""
        return sorted({route.handler_source or route.source for route in self.routes})


def route_diagrams(found: RoutesFound) -> list[Diagram]:
    """Entry points, then the routes framework by framework; none of what there is nothing of."""
    diagrams = list(_entry_points(found.entry_points))
    frameworks = sorted({route.framework for route in found.routes})
    for framework in frameworks:
        own = tuple(route for route in found.routes if route.framework == framework)
        title = f"Routes: {framework}" if len(frameworks) > 1 else "Routes"
        diagrams += _routes(title, own)
    return diagrams


def _entry_points(entries: Sequence[EntryPoint]) -> Iterator[Diagram]:
    """In a frame each kind, with arrows to the files that begin."""
    if not entries:
        return
    shown = entries[:MAX_ENTRY_POINTS]
    boxes = [Box(f"entry {n}", entry.name, entry.kind) for n, entry in enumerate(shown)]
    files = sorted({entry.target for entry in shown if entry.target and entry.target != entry.name})
    boxes += [Box(f"file {path}", path) for path in files]
    arrows = [Arrow(f"entry {n}", f"file {entry.target}") for n, entry in enumerate(shown) if entry.target in files]
    more = len(entries) - len(shown)
    notes = (f"{counted(more, 'more entry point')} not drawn.",) if more else ()
    yield Diagram("routes", "Entry points", flowchart(boxes, arrows), notes)


def _routes(title: str, routes: tuple[Route, ...]) -> Iterator[Diagram]:
    """Groups of addresses with arrows to their files, in as many pictures as they need."""
    parts = list(_parts(list(_split(_Group("/", routes), 0))))
    for number, part in enumerate(parts[:MAX_DIAGRAMS], 1):
        named = title if len(parts) == 1 else f"{title}, {number} of {len(parts)}: {part[0].path} to {part[-1].path}"
        left_out = len(parts) - MAX_DIAGRAMS if number == MAX_DIAGRAMS else 0
        notes = [f"{counted(left_out, 'more picture')} not drawn."] if left_out > 0 else []
        yield _drawn(named, part, notes)


def _split(group: _Group, depth: int) -> Iterator[_Group]:
    """By the next part of the addresses, as long as a group has too many files for a reader."""
    if depth and (len(group.files) <= MAX_FILES_OF_GROUP or depth >= MAX_DEPTH):
        yield group
        return
    inner: dict[str, list[Route]] = {}
    for route in group.routes:
        inner.setdefault(_beginning(route.path, depth + 1), []).append(route)
    for path, routes in sorted(inner.items()):
        yield from _split(_Group(path, tuple(routes)), depth + 1 if len(inner) > 1 or not depth else depth + 2)


def _beginning(path: str, names_wanted: int) -> str:
    """An address up to so many of its parts that are no parameters; those between are `*`."""
    kept: list[str] = []
    for part in path.strip("/").split("/"):
        is_parameter = part.startswith(_PARAMETERS)
        if not is_parameter:
            names_wanted -= 1
        kept.append("*" if is_parameter else part)
        if names_wanted == 0:
            break
    while kept and kept[-1] == "*" and len(kept) > 1:
        kept.pop()
    return "/" + "/".join(kept)


def _parts(groups: Sequence[_Group]) -> Iterator[list[_Group]]:
    """Groups for one picture each: not too many, nor too many arrows."""
    part: list[_Group] = []
    arrows = 0
    for group in groups:
        if part and (arrows + len(group.files) > MAX_EDGES or len(part) == MAX_GROUPS):
            yield part
            part, arrows = [], 0
        part.append(group)
        arrows += len(group.files)
    if part:
        yield part


def _drawn(title: str, groups: Sequence[_Group], notes: list[str]) -> Diagram:
    arrows = [Arrow(f"group {group.path}", f"file {path}") for group in groups for path in group.files]
    if len(arrows) > MAX_EDGES:
        left_out = [arrow.target.removeprefix("file ") for arrow in arrows[MAX_EDGES:]]
        notes = [*notes, f"{counted(len(left_out), 'file')} left out: {names(left_out)}."]
    kept = arrows[:MAX_EDGES]
    boxes = [Box(f"group {group.path}", _label(group)) for group in groups]
    boxes += [Box(each, each.removeprefix("file ")) for each in sorted({arrow.target for arrow in kept})]
    return Diagram("routes", title, flowchart(boxes, kept), tuple(notes))


def _label(group: _Group) -> str:
    """`/api/users (5: GET, POST)`."""
    known = {route.method for route in group.routes}
    told = [*(method for method in _METHODS if method in known), *sorted(known - {*_METHODS, "ANY"})]
    methods = f": {', '.join(told)}" if told and "ANY" not in known else ""
    return f"{group.path} ({len(group.routes)}{methods})"
