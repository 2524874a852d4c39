"""The text of docs/DATABASE_SCHEMA.md: the databases of a repository as Markdown, the same for the same schema."""

from collections.abc import Iterable, Iterator, Sequence

from docs_mgmt.generators.schema.shapes import (
    Column,
    DatabaseSchema,
    Disagreement,
    Index,
    Place,
    Relation,
    SchemaSource,
    Table,
    Unread,
)

MAX_CHARS = 1_500_000  # of tables in full
MAX_NAME_CHARS = 300
MAX_LISTED = 200  # of disagreements, and of what was not read
NOTHING = "No tables were found: nothing in this repository declares a database in a way that is understood.\n"


def render_schema(schema: DatabaseSchema) -> str:
    """Sources, tables by database, disagreements, and what was not read; ends with a line break."""
    parts = [NOTHING] if not schema.tables else [_sources(schema)]
    databases = sorted({table.database for table in schema.tables})
    room = MAX_CHARS
    for database in databases:
        if len(databases) > 1:
            parts.append(f"## Database {_code(database or '.')}\n")
        relations = [one for one in schema.relations if one.database == database]
        made = list(_tables([table for table in schema.tables if table.database == database], relations, room))
        room -= sum(map(len, made))
        parts += made
    parts += _listed("Where the sources disagree", [_disagreement(one) for one in schema.disagreements])
    parts += _listed("What was not read", [_unread(one) for one in schema.unread])
    return "\n".join(parts)


def _sources(schema: DatabaseSchema) -> str:
    rows = [[_source(one), str(one.tables), str(one.files), _code(one.path)] for one in schema.sources]
    return _grid(["Read from", "Tables", "Files", "First of them"], rows)


def _source(source: SchemaSource) -> str:
    return _text(source.kind) + (f" ({_code(source.database)})" if source.database else "")


def _tables(tables: Sequence[Table], relations: Sequence[Relation], room: int) -> Iterator[str]:
    """The tables in full while there is room for them, the others by name and place alone."""
    by_table: dict[str, list[Relation]] = {}
    for one in relations:
        by_table.setdefault(one.from_table, []).append(one)
    short: list[str] = []
    for table in tables:
        text = _table(table, by_table.get(table.name, [])) if room > 0 else ""
        room -= len(text)
        if text:
            yield text
        else:
            short.append(f"{_code(table.name)}, {_code(f'{table.path}:{table.line}')}")
    if short:
        yield _list(["Without their columns, as there are so many:", *short])


def _table(table: Table, relations: Sequence[Relation]) -> str:
    seen = [*([f"also in {', '.join(table.also_in)}"] if table.also_in else []), f"confidence {table.confidence:.2f}"]
    lines = [
        f"### {_heading(table.name)}\n",
        f"{_code(f'{table.path}:{table.line}')}, {table.source_kind}, {', '.join(seen)}\n",
        _grid(["Column", "Type", "Null", "Default", "Key", "Line"], [_column(table, one) for one in table.columns]),
    ]
    facts = [*_keys(table), *(_relation(one) for one in relations), *_checks(table)]
    return "\n".join([*lines, *([_list(facts)] if facts else [])])


def _column(table: Table, column: Column) -> list[str]:
    here = str(column.line) if column.path == table.path else f"{column.path}:{column.line}"
    key = "primary" if column.name in table.primary_key else ""
    null = "yes" if column.nullable else "no"
    default = "" if column.default is None else _code(column.default)
    return [_code(column.name), _code(column.type or column.raw_type), null, default, key, _code(here)]


def _keys(table: Table) -> Iterator[str]:
    if len(table.primary_key) > 1:
        yield f"primary key {_names(table.primary_key)}"
    yield from (_key("unique", one) for one in table.unique_keys)
    yield from (_key("index", one) for one in table.indexes)


def _key(kind: str, key: Index) -> str:
    name = "" if key.name is None else f" {_code(key.name)}"
    where = "" if key.condition is None else f" where {_code(key.condition)}"
    return f"{kind}{name} on {_names(key.columns)}{where}"


def _relation(one: Relation) -> str:
    aimed = f"{_code(one.to_table)}" + (f" ({_names(one.to_columns)})" if one.to_columns else "")
    facts = [one.kind, *([f"on delete {one.on_delete}"] if one.on_delete else [])]
    facts += [] if one.is_enforced else ["not enforced by the database"]
    return f"{_names(one.from_columns)} → {aimed}, {', '.join(facts)}"


def _checks(table: Table) -> Iterator[str]:
    for check in table.checks:
        name = "" if check.name is None else f" {_code(check.name)}"
        yield f"check{name}: {_code(check.expression)}"


def _disagreement(one: Disagreement) -> str:
    what = one.table if one.column is None else f"{one.table}.{one.column}"
    return f"{_code(what)}: {_place(one.believed)}; {_place(one.other)}"


def _place(place: Place) -> str:
    where = place.path if place.line is None else f"{place.path}:{place.line}"
    return f"{_text(place.says)} ({place.source_kind}, {_code(where)})"


def _unread(one: Unread) -> str:
    return f"{_code(one.path if one.line is None else f'{one.path}:{one.line}')}: {_text(one.reason)}"


def _listed(title: str, items: list[str]) -> list[str]:
    if not items:
        return []
    more = [f"and {len(items) - MAX_LISTED} more"] if len(items) > MAX_LISTED else []
    return [f"## {title}\n", _list([*items[:MAX_LISTED], *more])]


def _list(items: Iterable[str]) -> str:
    return "".join(f"- {item}\n" for item in items)


def _grid(head: list[str], rows: list[list[str]]) -> str:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *cells]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


def _names(names: Iterable[str]) -> str:
    return ", ".join(_code(name) for name in names)


def _code(text: str) -> str:
    """A code span that holds whatever the text is, within a cell of a table too; of empty text nothing."""
    flat = _flat(text)
    if not flat:
        return ""
    fence = "`"
    while fence in flat:
        fence += "`"
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def _text(text: str) -> str:
    """Text that is no markup."""
    return "".join(f"\\{one}" if one in "\\`*_{}[]<>#~!&" else one for one in _flat(text))


def _heading(name: str) -> str:
    return _code(name) or "(unnamed)"


def _flat(text: str) -> str:
    """One line, without what cannot be seen and without the marks of the blocks that documents are divided by."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text[:MAX_NAME_CHARS]).split())
    return line.replace("<!--", "<! --").replace("-->", "-- >")
