"""Which modules import which, area by area: an area is a folder, and one too large for a picture shows its folders."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docs_mgmt.generators.diagrams.cycles import cycles
from docs_mgmt.generators.diagrams.mermaid import MAX_EDGES, Arrow, Box, flowchart
from docs_mgmt.generators.diagrams.shapes import Diagram
from docs_mgmt.generators.markdown import counted, names
from projects.indexing.shapes import FileLink, IndexedFile

MAX_BOXES = 60
MAX_DEPTH = 6
MAX_DIAGRAMS = 40
MIN_LINKS = 12
"""Within a folder, for a picture of its own."""
MAX_TOLD_CYCLES = 8

Link = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Area:
    """A folder ("" for the root), links within it, and whether they are few enough to show every file.

    `is_rest`: the links are those within the folder's small folders, which share a picture.
    """

    folder: str
    links: tuple[Link, ...]
    shows_files: bool
    is_rest: bool = False


def module_diagrams(files: Sequence[IndexedFile], links: Sequence[FileLink]) -> list[Diagram]:
    """The pictures of the source files' imports, the whole first, then folder by folder; none where nothing is linked.

    Tests, migrations and generated files are left out: they would hide what the rest looks like.
    """
    sources = {file.path for file in files if file.kind == "source"}
    known = {(link.source, link.target) for link in links if link.source != link.target}
    inner = sorted(link for link in known if link[0] in sources and link[1] in sources)
    used = Counter(target for _, target in inner)
    areas = [area for area in _areas(inner) if _weights(area)]
    shown = _largest(areas)
    drawn = [_draw(area, used) for area in shown]
    if drawn and len(shown) < len(areas):
        left_out = names([area.folder for area in areas if area not in shown])
        drawn[0] = _with_note(drawn[0], f"Folders with no picture of their own, as there are too many: {left_out}.")
    return drawn


def _with_note(diagram: Diagram, note: str) -> Diagram:
    return Diagram(diagram.kind, diagram.title, diagram.mermaid, (*diagram.notes, note))


def _areas(links: Sequence[Link]) -> Iterator[_Area]:
    """The root, then the folders of what is not shown by file, breadth first."""
    waiting = [("", tuple(links), 0)]
    for above, inner, depth in waiting:
        if not inner:
            continue
        folder = _deepest(above, inner)
        shows_files = depth == MAX_DEPTH or _is_small(inner)
        yield _Area(folder, inner, shows_files)
        if not shows_files:
            within = _by_child(folder, inner)
            waiting += [(child, tuple(links), depth + 1) for child, links in within if len(links) >= MIN_LINKS]
            yield from _shared(folder, [links for _, links in within if len(links) < MIN_LINKS])


def _shared(folder: str, small: Sequence[Sequence[Link]]) -> Iterator[_Area]:
    """Pictures of the links within small folders, as many of those in one as there is room for."""
    together: list[Link] = []
    for links in small:
        if together and not _is_small([*together, *links]):
            yield _Area(folder, tuple(together), shows_files=True, is_rest=True)
            together = []
        together += links
    if together:
        yield _Area(folder, tuple(together), shows_files=True, is_rest=True)


def _deepest(folder: str, links: Sequence[Link]) -> str:
    """The folder that all ends of the links have in common."""
    first = links[0][0].split("/")[:-1]
    for path in {path for link in links for path in link}:
        parts = path.split("/")[:-1]
        same = next((n for n, (one, other) in enumerate(zip(first, parts, strict=False)) if one != other), None)
        first = first[: min(len(first), len(parts)) if same is None else same]
    return "/".join(first) or folder


def _is_small(links: Sequence[Link]) -> bool:
    return len(links) <= MAX_EDGES and len({path for link in links for path in link}) <= MAX_BOXES


def _by_child(folder: str, links: Sequence[Link]) -> list[tuple[str, list[Link]]]:
    """The links within each of the folder's folders."""
    found: dict[str, list[Link]] = {}
    for source, target in links:
        child = _child(folder, source)
        if child.endswith("/") and child == _child(folder, target):
            found.setdefault(_path(folder, child[:-1]), []).append((source, target))
    return sorted(found.items())


def _child(folder: str, path: str) -> str:
    """What of the folder a file lies in: a name with a slash at its end, or its own name."""
    below = path[len(folder) + 1 :] if folder else path
    head, slash, _ = below.partition("/")
    return head + slash


def _path(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _largest(areas: Sequence[_Area]) -> list[_Area]:
    """As many as are shown, those with most links, in their order; the whole is always among them."""
    chosen = sorted(areas, key=lambda area: (-len(area.links), area.folder))[:MAX_DIAGRAMS]
    return [area for area in areas if area in chosen]


def _draw(area: _Area, used: Counter[str]) -> Diagram:
    weights = _weights(area)
    kept = _kept(area, weights, used)
    boxes = sorted({end for link in kept for end in link}, key=_in_order)
    found = cycles(boxes, _targets(kept))
    number_of = {box: number for number, members in enumerate(found) for box in members}
    drawn = [_box(area, box, is_in_cycle=box in number_of) for box in boxes]
    arrows = [
        Arrow(source, target, _label(weight), source in number_of and number_of[source] == number_of.get(target))
        for (source, target), weight in kept.items()
    ]
    notes = [*_left_out(weights, kept), *_told_cycles(area, found)]
    return Diagram("modules", _title(area), flowchart(drawn, arrows), tuple(notes))


def _title(area: _Area) -> str:
    named = f"Modules of {area.folder}" if area.folder else "Modules"
    return f"{named}: within its small folders" if area.is_rest else named


def _weights(area: _Area) -> Counter[Link]:
    """How many imports each line stands for."""
    if area.shows_files:
        return Counter(area.links)
    pairs = ((_child(area.folder, source), _child(area.folder, target)) for source, target in area.links)
    return Counter(pair for pair in pairs if pair[0] != pair[1])


def _kept(area: _Area, weights: Counter[Link], used: Counter[str]) -> dict[Link, int]:
    """The lines that there is room for: the heaviest, of those the ones to the files that most others import."""
    in_use = used if area.shows_files else Counter(target for _, target in weights.elements())
    chosen = sorted(weights, key=lambda link: (-weights[link], -in_use[link[1]], -in_use[link[0]], link))
    return {link: weights[link] for link in sorted(chosen[:MAX_EDGES])}


def _in_order(path: str) -> list[str]:
    return path.split("/")


def _targets(links: dict[Link, int]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for source, target in links:
        found.setdefault(source, []).append(target)
    return found


def _box(area: _Area, box: str, *, is_in_cycle: bool) -> Box:
    """A file stands in a frame of its folder, where that is not the area itself."""
    if not area.shows_files:
        return Box(box, box, None, is_in_cycle)
    below = box[len(area.folder) + 1 :] if area.folder else box
    folder, _, name = below.rpartition("/")
    return Box(box, name, folder or None, is_in_cycle)


def _label(weight: int) -> str | None:
    return str(weight) if weight > 1 else None


def _left_out(weights: Counter[Link], kept: dict[Link, int]) -> Iterator[str]:
    if missing := len(weights) - len(kept):
        yield f"{counted(missing, 'line')} of {len(weights):,} left out: those to what is imported least."


def _told_cycles(area: _Area, found: Sequence[Sequence[str]]) -> Iterator[str]:
    prefix = f"{area.folder}/" if area.folder and area.shows_files else ""
    for members in found[:MAX_TOLD_CYCLES]:
        yield f"Cycle: {names([each.removeprefix(prefix) for each in members])}."
    if len(found) > MAX_TOLD_CYCLES:
        yield f"{counted(len(found) - MAX_TOLD_CYCLES, 'more cycle')}, drawn thick."
