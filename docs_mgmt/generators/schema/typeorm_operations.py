"""What the calls of TypeORM's query runner do to tables: `createTable(new Table({…}))` and the like."""

from tree_sitter import Node

from docs_mgmt.generators.schema.drafts import ForeignKey, SchemaDraft, TableDraft
from docs_mgmt.generators.schema.shapes import Column, Index
from docs_mgmt.generators.schema.trees import Value, line_of, words, written
from docs_mgmt.generators.schema.typescript_classes import value_of


def apply_operation(draft: SchemaDraft, name: str, arguments: list[Node], path: str) -> None:
    """Apply a call; one of another name is passed over."""
    values = [_value(node) for node in arguments]
    texts = [value if isinstance(value, str) else "" for value in [*values, None, None, None]]
    line = line_of(arguments[0]) if arguments else 1
    if name == "createTable" and values and isinstance(values[0], dict):
        _create(draft, values[0], path, line)
    elif name == "dropTable":
        draft.drop_table(texts[0])
    elif name == "renameTable":
        draft.rename_table(texts[0], texts[1])
    elif (table := draft.table(texts[0])) is not None:
        _change(table, name, values[1:], path, line)


def _change(table: TableDraft, name: str, values: list[Value], path: str, line: int) -> None:
    first = values[0] if values else None
    if name == "dropColumn" and isinstance(first, str):
        table.drop_column(first)
    elif name == "renameColumn" and isinstance(first, str) and len(values) > 1:
        second = values[1]
        new = second.get("name") if isinstance(second, dict) else second
        table.rename_column(first, new if isinstance(new, str) else first)
    elif name in {"addColumn", "addColumns"}:
        for one in first if isinstance(first, list) else [first]:
            _add_column(table, one, path, line)
    elif name == "createForeignKey":
        _add_foreign(table, first, path, line)
    elif name in {"createIndex", "createUniqueConstraint"}:
        _add_index(table, first, path, line, unique=name == "createUniqueConstraint")


def _value(node: Node) -> Value:
    """The value of an argument; of `new Table({…})` that of the object, of a list of those the list."""
    if node.type == "new_expression":
        arguments = node.child_by_field_name("arguments")
        inner = [] if arguments is None else arguments.named_children
        return value_of(inner[0]) if inner else None
    if node.type == "array":
        return [_value(child) for child in node.named_children if child.type != "comment"]
    return value_of(node)


def _create(draft: SchemaDraft, options: dict[str, Value], path: str, line: int) -> None:
    name = options.get("name")
    if not isinstance(name, str):
        return
    table = TableDraft(name, path, line)
    for key, add in (("columns", _add_column), ("foreignKeys", _add_foreign), ("indices", _add_index)):
        given = options.get(key)
        for one in given if isinstance(given, list) else []:
            add(table, one, path, line)
    draft.add_table(table)


def _add_column(table: TableDraft, options: Value, path: str, line: int) -> None:
    if not isinstance(options, dict) or not isinstance(options.get("name"), str):
        return
    name, kind, length = str(options["name"]), options.get("type"), options.get("length")
    base = kind if isinstance(kind, str) else "unknown"
    sized = f"{base}({length})" if isinstance(length, str | int) and not isinstance(length, bool) else base
    is_key = options.get("isPrimary") is True
    nullable = options.get("isNullable") is True and not is_key
    table.add_column(Column(name, sized.lower(), base, nullable, written(options.get("default")), path, line))
    if is_key:
        table.primary_key = (*table.primary_key, name)
    if options.get("isUnique") is True:
        table.keys.append(Index(None, (name,), True, None, path, line))


def _add_foreign(table: TableDraft, options: Value, path: str, line: int) -> None:
    if not isinstance(options, dict):
        return
    target, delete = options.get("referencedTableName"), options.get("onDelete")
    if isinstance(target, str):
        columns, aimed = (tuple(words(options.get(key))) for key in ("columnNames", "referencedColumnNames"))
        action = delete.lower() if isinstance(delete, str) else None
        table.foreign_keys.append(ForeignKey(columns, target, aimed, action, path, line))


def _add_index(table: TableDraft, options: Value, path: str, line: int, *, unique: bool = False) -> None:
    if isinstance(options, dict):
        name = options.get("name")
        is_unique = unique or options.get("isUnique") is True
        columns = tuple(words(options.get("columnNames")))
        table.keys.append(Index(name if isinstance(name, str) else None, columns, is_unique, None, path, line))
