"""Every diagram that is produced is drawn by the real mermaid: of hostile projects, random graphs and this checkout."""

import random
import re
from collections.abc import Iterator

import pytest

from docs_mgmt.generators.diagrams.document import render_diagrams
from docs_mgmt.generators.routes.finding import find_routes
from docs_mgmt.generators.routes.shapes import EntryPoint, Route, RoutesFound
from docs_mgmt.generators.schema.extracting import extract_schema
from docs_mgmt.generators.schema.shapes import DatabaseSchema
from projects.indexing.kinds import kind_of
from projects.indexing.parsing import analyse
from projects.indexing.resolving.resolver import Resolver
from projects.indexing.shapes import FileLink
from tests.browser.hostile_names import HOSTILE
from tests.browser.rendering import Mermaid
from tests.docs_mgmt.generators.diagrams.made import indexed, linked
from tests.docs_mgmt.generators.diagrams.schemas import relation, schema, table
from tests.test_docs import ROOT

pytestmark = pytest.mark.browser
FOLDERS = ("accounts", "config", "devices", "docs_mgmt", "projects", "runs", "settings_params", "snapshots")
NO_ROUTES = RoutesFound((), (), ())
LONG = ("end " * 80, "{" * 300, "漢" * 300, "\N{FIRE}" * 200)


def diagrams(text: str) -> list[str]:
    """The fenced ones of a document."""
    return re.findall(r"^```mermaid\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def drawn_errors(mermaid: Mermaid, texts: list[str]) -> list[tuple[str, int]]:
    """What is wrong with each picture: what mermaid says, and elements that do not belong there."""
    return [(drawn.error, drawn.foreign) for drawn in mermaid.draw(texts)]


def hostile(chance: random.Random) -> str:
    """A document of a project in which everything has a hostile name."""
    names = [*HOSTILE, *LONG]

    def some(count: int) -> list[str]:
        return [chance.choice(names) for _ in range(count)]

    paths = ["/".join(some(chance.randint(1, 3))) for _ in range(40)]
    pairs = [(chance.choice(paths), chance.choice(paths)) for _ in range(60)]
    tables = [table(name, *dict.fromkeys(some(12)), key=tuple(some(1))) for name in dict.fromkeys(some(25))]
    relations = [relation(chance.choice(tables).name, chance.choice(names), chance.choice(names)) for _ in range(40)]
    routes = tuple(Route(f"/{'/'.join(some(3))}", "GET", "x", "x", 1, "flask", chance.choice(paths)) for _ in range(60))
    entries = tuple(
        EntryPoint(chance.choice(names), chance.choice(names), "x", 1, chance.choice(paths)) for _ in range(30)
    )
    return render_diagrams(*linked(*pairs), schema(tables, relations), RoutesFound(routes, entries, ()))


def test_every_diagram_of_projects_with_hostile_names_is_drawn(mermaid: Mermaid) -> None:
    chance = random.Random(7)  # noqa: S311 - the same projects each time
    texts = [text for _ in range(2) for text in diagrams(hostile(chance))]

    assert len(texts) > 10
    assert drawn_errors(mermaid, texts) == [("", 0)] * len(texts)


def random_documents() -> Iterator[str]:
    chance = random.Random(8)  # noqa: S311 - the same graphs each time
    for _ in range(60):
        folders = [f"{chance.choice('abcde')}/{chance.choice('xyz')}" for _ in range(chance.randint(1, 9))]
        files = [f"{chance.choice(folders)}/f{number}.py" for number in range(chance.randint(2, 150))]
        pairs = [(chance.choice(files), chance.choice(files)) for _ in range(chance.randint(1, 500))]
        yield render_diagrams(*linked(*pairs), schema([]), NO_ROUTES)


def test_hundreds_of_diagrams_of_random_imports_parse(mermaid: Mermaid) -> None:
    texts = [text for document in random_documents() for text in diagrams(document)]

    assert len(texts) > 150
    assert mermaid.errors(texts) == [""] * len(texts)


def test_pictures_at_their_limits_are_drawn(mermaid: Mermaid) -> None:
    """As many lines, boxes and columns as there may be, with names that all have to be escaped."""
    wide = [table(f"{name}{n}", *(f"{'{' * 60}{c}" for c in range(60))) for n, name in enumerate(LONG * 4)]
    full = [(f"{'{' * 90}{a}", f"{'|' * 90}{b}") for a in range(20) for b in range(20)]
    texts = diagrams(render_diagrams(*linked(*full), schema(wide), NO_ROUTES))

    assert max(map(len, texts)) < 50_000
    assert drawn_errors(mermaid, texts) == [("", 0)] * len(texts)


class Checkout:
    """The Python files of this checkout."""

    def paths(self) -> list[str]:
        return sorted(str(path.relative_to(ROOT)) for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

    def read(self, path: str) -> bytes:
        return (ROOT / path).read_bytes()


def of_this_checkout() -> tuple[str, DatabaseSchema]:
    sources = Checkout()
    resolver = Resolver(sources.paths())
    files, links = [], []
    for path in sources.paths():
        analysis = analyse(path, sources.read(path))
        files.append(indexed(path, kind_of(path, analysis.language)))
        links += [FileLink(path, target) for target in sorted(resolver.targets(path, "python", analysis.imports))]
    tables = extract_schema(sources)
    return render_diagrams(files, links, tables, find_routes(sources)), tables


def test_every_diagram_of_this_checkout_is_drawn(mermaid: Mermaid) -> None:
    document, tables = of_this_checkout()
    texts = diagrams(document)

    assert {text.split()[0] for text in texts} == {"flowchart", "erDiagram"}
    assert drawn_errors(mermaid, texts) == [("", 0)] * len(texts)
    assert tables.tables
