"""The Markdown of the architecture: its pictures as Mermaid with what is to be said of them, and a table of routes.

It follows from what it is given alone: no times and no names of this machine are in it.
"""

from collections.abc import Iterator, Sequence

from docs_mgmt.generators.diagrams.entities import entity_diagrams
from docs_mgmt.generators.diagrams.modules import module_diagrams
from docs_mgmt.generators.diagrams.routes import route_diagrams
from docs_mgmt.generators.diagrams.shapes import Diagram
from docs_mgmt.generators.markdown import code, counted, plain
from docs_mgmt.generators.routes.shapes import Route, RoutesFound, UnreadFile
from docs_mgmt.generators.schema.shapes import DatabaseSchema
from projects.indexing.shapes import FileLink, IndexedFile

MAX_ROUTES = 500
MAX_PROBLEMS = 50
NOTHING = "Nothing was found to draw: no imports between the project's files, no tables, no routes and no entry points."


def render_diagrams(
    files: Sequence[IndexedFile], links: Sequence[FileLink], schema: DatabaseSchema, routes: RoutesFound
) -> str:
    """The text for docs/ARCHITECTURE_DIAGRAMS.md, with headings from the second level on; ends with a line break."""
    doors = route_diagrams(routes)
    parts = [
        *_section("Modules", module_diagrams(files, links)),
        *_section("Entry points and routes", doors),
        *_table(routes.routes),
        *_section("Database", entity_diagrams(schema)),
    ]
    return "\n\n".join([*(parts or [NOTHING]), *_problems(routes.problems)]) + "\n"


def _section(title: str, diagrams: Sequence[Diagram]) -> Iterator[str]:
    if diagrams:
        yield f"## {title}"
    for diagram in diagrams:
        yield f"### {plain(diagram.title)}"
        yield f"```mermaid\n{diagram.mermaid}```"
        if diagram.notes:
            yield "\n".join(f"- {note}" for note in diagram.notes)


def _table(routes: Sequence[Route]) -> Iterator[str]:
    if not routes:
        return
    yield "### All routes"
    rows = [
        f"| {plain(each.method)} | {code(each.path)} | {_handler(each)} | {_place(each)} |"
        for each in routes[:MAX_ROUTES]
    ]
    yield "\n".join(["| method | address | answered by | said in |", "| --- | --- | --- | --- |", *rows])
    if len(routes) > MAX_ROUTES:
        yield f"And {counted(len(routes) - MAX_ROUTES, 'more route')}."


def _handler(route: Route) -> str:
    handler = code(route.handler) if route.handler else "code on the spot"
    return f"{handler} in {code(route.handler_source)}" if route.handler_source else handler


def _place(route: Route) -> str:
    return code(f"{route.source}:{route.line}")


def _problems(problems: Sequence[UnreadFile]) -> Iterator[str]:
    if problems:
        yield "## What was not understood"
        rows = [f"- {code(each.path)}: {plain(each.reason)}." for each in problems[:MAX_PROBLEMS]]
        if len(problems) > MAX_PROBLEMS:
            rows.append(f"- And {counted(len(problems) - MAX_PROBLEMS, 'more file')}.")
        yield "\n".join(rows)
