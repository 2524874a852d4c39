"""What is known of the database by files that were found: their tables, in lines for an agent."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docs_mgmt.queries import schema_at
from projects.models import Project

SHOWN_COLUMNS = 40


def tables_in(project: Project, commit: str, paths: Sequence[str]) -> list[tuple[str, str]]:
    """The tables that those files tell of, best file first: name, and columns, references and place in a line.

    None where no schema of that very commit was read: its lines would be those of another.
    """
    schema = schema_at(project, commit)
    if schema is None:
        return []
    places = {path: place for place, path in enumerate(paths)}
    found = [table for table in schema["tables"] if table["path"] in places]
    found.sort(key=lambda table: (places[table["path"]], table["line"], table["name"]))
    return [(table["name"], _line(table, schema["relations"])) for table in found]


def _line(table: Mapping[str, Any], relations: Sequence[Mapping[str, Any]]) -> str:
    columns = ", ".join(f"{column['name']} {column['type']}".strip() for column in table["columns"][:SHOWN_COLUMNS])
    left_out = len(table["columns"]) - SHOWN_COLUMNS
    more = f", and {left_out} more" if left_out > 0 else ""
    parts = [f"table {table['name']} ({columns}{more})", *_references(table, relations)]
    return f"{'; '.join(parts)} at {table['path']}:{table['line']}"


def _references(table: Mapping[str, Any], relations: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    own = (each for each in relations if (each["database"], each["from_table"]) == (table["database"], table["name"]))
    for relation in own:
        yield f"{', '.join(relation['from_columns'])} refers to {relation['to_table']}"
