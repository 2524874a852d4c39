"""Entity-relationship diagrams of a database schema: all tables in one, or around those that most others refer to."""

from collections import Counter
from collections.abc import Iterator, Sequence

from docs_mgmt.generators.diagrams.mermaid import MAX_EDGES, Attribute, entity_diagram
from docs_mgmt.generators.diagrams.mermaid import Relation as Line
from docs_mgmt.generators.diagrams.shapes import Diagram
from docs_mgmt.generators.markdown import counted, names
from docs_mgmt.generators.schema.shapes import Column, DatabaseSchema, Relation, Table

MAX_TABLES = 15
MAX_ATTRIBUTES = 200
MAX_COLUMNS = 40
MAX_DIAGRAMS = 30
MIN_TABLES = 4
"""Of a picture of its own."""
MAX_OVERVIEW_TABLES = 80
_ENDS = {
    ("many-to-one", False): "}o{}||",
    ("many-to-one", True): "}o{}o|",
    ("one-to-one", False): "|o{}||",
    ("one-to-one", True): "|o{}o|",
}


def entity_diagrams(schema: DatabaseSchema) -> list[Diagram]:
    """The pictures of each database: of one with many tables how they hang together first, then part by part."""
    databases = sorted({table.database for table in schema.tables})
    found = [diagram for database in databases for diagram in _of_database(schema, database)]
    if len(found) > MAX_DIAGRAMS:
        left_out = f"{counted(len(found) - MAX_DIAGRAMS, 'more picture')} of tables are left out."
        last = found[MAX_DIAGRAMS - 1]
        found[MAX_DIAGRAMS - 1 :] = [Diagram(last.kind, last.title, last.mermaid, (*last.notes, left_out))]
    return found


def _of_database(schema: DatabaseSchema, database: str) -> Iterator[Diagram]:
    tables = {table.name: table for table in schema.tables if table.database == database}
    relations = [each for each in schema.relations if each.database == database]
    title = f"Tables of {database}" if database else "Tables"
    groups = _named(list(_groups(tables, relations)), tables)
    if len(groups) == 1:
        yield _drawn(title, groups[0][1], tables, relations)
        return
    if relations:
        yield _overview(title, relations)
    for name, group in groups:
        yield _drawn(f"{title}: {name}", group, tables, relations)


def _groups(tables: dict[str, Table], relations: Sequence[Relation]) -> Iterator[list[str]]:
    """Tables that hang together, beginning with the one that has most relations; those with none share groups."""
    near: dict[str, list[str]] = {name: [] for name in tables}
    for each in relations:
        if each.from_table in near and each.to_table in near and each.from_table != each.to_table:
            near[each.from_table].append(each.to_table)
            near[each.to_table].append(each.from_table)
    left = dict.fromkeys(sorted(tables, key=lambda name: (-len(near[name]), name)))
    while left:
        group: list[str] = []
        room = MAX_ATTRIBUTES
        waiting = [next(iter(left))]
        for name in waiting:
            if name not in left:
                continue
            room -= min(len(tables[name].columns), MAX_COLUMNS)
            if group and (room < 0 or len(group) == MAX_TABLES):
                break
            del left[name]
            group.append(name)
            waiting += near[name] or [each for each in left if not near[each]]
        yield group


def _named(groups: Sequence[list[str]], tables: dict[str, Table]) -> list[tuple[str, list[str]]]:
    """Each group with a name; those of few tables, which are left over when those around are drawn, share pictures."""
    large = [(f"around {group[0]}", group) for group in groups if len(group) >= MIN_TABLES]
    shared: list[list[str]] = []
    for group in (each for each in groups if len(each) < MIN_TABLES):
        if shared and _fits([*shared[-1], *group], tables):
            shared[-1] += group
        else:
            shared.append(list(group))
    return large + [(_listed(group), group) for group in shared]


def _listed(group: Sequence[str]) -> str:
    more = f" and {len(group) - 3} more" if len(group) > 3 else ""
    return f"{', '.join(group[:3])}{more}"


def _fits(group: Sequence[str], tables: dict[str, Table]) -> bool:
    attributes = sum(min(len(tables[name].columns), MAX_COLUMNS) for name in group)
    return len(group) <= MAX_TABLES and attributes <= MAX_ATTRIBUTES


def _overview(title: str, relations: Sequence[Relation]) -> Diagram:
    """The tables with most relations, without their columns."""
    ends = Counter(end for each in relations for end in {each.from_table, each.to_table})
    shown = {name for name, _ in sorted(ends.items(), key=lambda each: (-each[1], each[0]))[:MAX_OVERVIEW_TABLES]}
    kept = [each for each in relations if each.from_table in shown and each.to_table in shown][:MAX_EDGES]
    drawn = dict.fromkeys(sorted({end for each in kept for end in (each.from_table, each.to_table)}), ())
    notes = [f"{counted(len(relations) - len(kept), 'relation')} of {len(relations):,} left out."]
    mermaid = entity_diagram(drawn, [_line(each, {}) for each in kept])
    return Diagram(
        "entities", f"{title}: how they hang together", mermaid, tuple(notes if len(kept) < len(relations) else ())
    )


def _drawn(title: str, group: Sequence[str], tables: dict[str, Table], relations: Sequence[Relation]) -> Diagram:
    """Some tables with their columns, and without them those that they refer to."""
    own = set(group)
    touching = [each for each in relations if each.from_table in own]
    kept = touching[:MAX_EDGES]
    referring = {column for each in relations for column in ((each.from_table, name) for name in each.from_columns)}
    entities: dict[str, Sequence[Attribute]] = {
        name: [_attribute(tables[name], column, referring) for column in _columns(tables[name])] for name in sorted(own)
    }
    entities |= {each.to_table: () for each in kept if each.to_table not in own}
    lines = [_line(each, tables) for each in kept]
    return Diagram("entities", title, entity_diagram(entities, lines), tuple(_notes(group, tables, touching, kept)))


def _columns(table: Table) -> Sequence[Column]:
    return table.columns[:MAX_COLUMNS]


def _notes(
    group: Sequence[str], tables: dict[str, Table], touching: Sequence[Relation], kept: Sequence[Relation]
) -> Iterator[str]:
    if cut := [name for name in sorted(group) if len(tables[name].columns) > MAX_COLUMNS]:
        yield f"Only the first {MAX_COLUMNS} columns are shown of {names(cut)}."
    if len(kept) < len(touching):
        yield f"{counted(len(touching) - len(kept), 'relation')} of {len(touching):,} left out."


def _attribute(table: Table, column: Column, referring: set[tuple[str, str]]) -> Attribute:
    is_unique = any(key.columns == (column.name,) for key in table.unique_keys)
    told = {
        "PK": column.name in table.primary_key,
        "FK": (table.name, column.name) in referring,
        "UK": is_unique and table.primary_key != (column.name,),
    }
    return Attribute(column.type or "unknown", column.name, tuple(key for key, is_so in told.items() if is_so))


def _line(relation: Relation, tables: dict[str, Table]) -> Line:
    """Dotted where only the framework knows of it; with a circle at its target where it may be missing."""
    table = tables.get(relation.from_table)
    columns = [each for each in table.columns if each.name in relation.from_columns] if table else []
    ends = _ENDS[
        relation.kind if relation.kind == "one-to-one" else "many-to-one", any(each.nullable for each in columns)
    ]
    label = ", ".join(relation.from_columns) or "refers to"
    middle = "--" if relation.is_enforced else ".."
    return Line(relation.from_table, relation.to_table, ends.replace("{}", middle), label)
