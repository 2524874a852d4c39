"""SQLAlchemy's columns and constraints, as models and migrations write them, into drafts of tables."""

import ast
from dataclasses import dataclass, field

from docs_mgmt.generators.schema.drafts import ForeignKey, TableDraft
from docs_mgmt.generators.schema.python_source import dotted, keywords, string, strings, text_of, truth
from docs_mgmt.generators.schema.shapes import Check, Column, Index
from docs_mgmt.generators.schema.sqlalchemy_types import annotated_type, is_type, type_of, unwrapped

COLUMNS = frozenset({"Column", "mapped_column", "Field"})
NO_COLUMNS = frozenset({"relationship", "Relationship", "association_proxy", "synonym", "column_property", "composite",
                        "hybrid_property", "query_expression", "dynamic_loader", "backref"})  # fmt: skip


@dataclass(slots=True)
class Origin:
    """The file of a declaration, and the constants that its names may stand for; `keys` are columns by attribute."""

    path: str
    constants: dict[str, ast.expr] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)


def column_call(node: ast.expr | None) -> ast.Call | None:
    """The call that declares a column, also one that is wrapped: `deferred(Column(…))`."""
    if not isinstance(node, ast.Call):
        return None
    name = dotted(node.func).rpartition(".")[2]
    if name in COLUMNS:
        return node
    return column_call(node.args[0]) if name in {"deferred", "column_property"} and node.args else None


def add_column(
    table: TableDraft, call: ast.Call | None, attribute: str, annotation: ast.expr | None, origin: Origin, line: int
) -> None:
    """Add a column with the keys that its declaration holds; without a call it is told by the annotation alone."""
    options = {} if call is None else keywords(call)
    arguments = [] if call is None else list(call.args)
    given = string(arguments[0], origin.constants) if arguments else None
    name = given or string(options.get("name"), origin.constants) or attribute
    if not name:
        return
    type_node = options.get("type_", options.get("sa_type")) or next((one for one in _types(arguments, given)), None)
    inner, may_be_null = unwrapped(annotation)
    is_key = truth(options.get("primary_key"))
    nullable = truth(options.get("nullable"), otherwise=may_be_null if annotation is not None else not is_key)
    table.add_column(
        Column(
            name=name,
            type=type_of(type_node, origin.constants) if type_node is not None else annotated_type(inner),
            raw_type=_raw(type_node or inner),
            nullable=nullable and not is_key,
            default=_default(options),
            path=origin.path,
            line=line,
        )
    )
    origin.keys[attribute] = name
    if is_key:
        table.primary_key = (*[one for one in table.primary_key if one != name], name)
    _add_keys(table, name, options, arguments, origin, line)


def _raw(node: ast.expr | None) -> str:
    return "" if node is None else text_of(node)


def _types(arguments: list[ast.expr], given: str | None) -> list[ast.expr]:
    return [one for one in arguments[1 if given else 0 :] if is_type(one)][:1]


def _default(options: dict[str, ast.expr]) -> str | None:
    found = options.get("server_default", options.get("default", options.get("default_factory")))
    if found is None or (isinstance(found, ast.Constant) and found.value is None):
        return None
    return text_of(found, 80)


def _add_keys(
    table: TableDraft, name: str, options: dict[str, ast.expr], arguments: list[ast.expr], origin: Origin, line: int
) -> None:
    if truth(options.get("unique")) or truth(options.get("index")):
        table.keys.append(Index(None, (name,), truth(options.get("unique")), None, origin.path, line))
    shorthand = string(options.get("foreign_key"), origin.constants)  # SQLModel's
    if shorthand:
        _add_reference(table, (name,), shorthand, keywords_delete(options, origin), origin, line)
    for argument in arguments:
        if isinstance(argument, ast.Call) and dotted(argument.func).rpartition(".")[2] == "ForeignKey":
            aimed = argument.args[0] if argument.args else keywords(argument).get("column")
            target = string(aimed, origin.constants) or _attribute_target(aimed)
            if target:
                _add_reference(table, (name,), target, keywords_delete(keywords(argument), origin), origin, line)


def keywords_delete(options: dict[str, ast.expr], origin: Origin) -> str | None:
    """What `ondelete` says."""
    found = string(options.get("ondelete"), origin.constants)
    return None if found is None else found.lower()


def _attribute_target(node: ast.expr | None) -> str | None:
    """`User.id` as the name of the class and its attribute: a name of a table is made of it later."""
    name = "" if node is None else dotted(node)
    return f"class {name}" if "." in name else None


def _add_reference(
    table: TableDraft, columns: tuple[str, ...], target: str, on_delete: str | None, origin: Origin, line: int
) -> None:
    aimed, _, column = target.rpartition(".")
    if aimed:
        name = aimed.removeprefix("public.")
        table.foreign_keys.append(ForeignKey(columns, name, (column,), on_delete, origin.path, line))


def add_item(table: TableDraft, node: ast.expr, origin: Origin) -> None:
    """Add what stands in a Table(…), create_table(…) or `__table_args__`: a column, a key, a check."""
    if not isinstance(node, ast.Call):
        return
    kind = dotted(node.func).rpartition(".")[2]
    if kind == "Column":
        add_column(table, node, "", None, origin, node.lineno)
    else:
        add_constraint(table, kind, node, origin)


def add_constraint(table: TableDraft, kind: str, node: ast.Call, origin: Origin) -> None:
    """Add a key or a check of that class of SQLAlchemy's."""
    options = keywords(node)
    name = string(options.get("name"), origin.constants)
    match kind:
        case "PrimaryKeyConstraint":
            table.primary_key = _columns(node.args, origin)
            for column in table.primary_key:
                table.alter_column(column, nullable=False)
        case "UniqueConstraint":
            table.keys.append(Index(name, _columns(node.args, origin), True, None, origin.path, node.lineno))
        case "Index":
            own = string(node.args[0], origin.constants) if node.args else None
            where = options.get("postgresql_where", options.get("sqlite_where"))
            condition = None if where is None else text_of(where)
            unique = truth(options.get("unique"))
            table.keys.append(Index(own, _columns(node.args[1:], origin), unique, condition, origin.path, node.lineno))
        case "CheckConstraint" if node.args:
            rule = string(node.args[0], origin.constants) or text_of(node.args[0])
            table.checks.append(Check(name, rule, origin.path, node.lineno))
        case "ForeignKeyConstraint" if len(node.args) > 1:
            _add_composite(table, node, name, origin)


def _add_composite(table: TableDraft, node: ast.Call, name: str | None, origin: Origin) -> None:
    targets = strings(node.args[1], origin.constants)
    aimed = targets[0].rpartition(".")[0].removeprefix("public.") if targets else ""
    if not aimed:
        return
    columns = tuple(origin.keys.get(one, one) for one in strings(node.args[0], origin.constants))
    to_columns = tuple(one.rpartition(".")[2] for one in targets)
    delete = keywords_delete(keywords(node), origin)
    table.foreign_keys.append(ForeignKey(columns, aimed, to_columns, delete, origin.path, node.lineno, name))


def _columns(nodes: list[ast.expr], origin: Origin) -> tuple[str, ...]:
    """Names of columns, given as texts or as the attributes that declare them; other expressions as written."""
    found = []
    for node in nodes:
        name = string(node, origin.constants)
        if name is None:
            attribute = dotted(node).rpartition(".")[2] if isinstance(node, ast.Name | ast.Attribute) else ""
            name = origin.keys.get(attribute) or attribute or text_of(node, 80)
        found.append(origin.keys.get(name, name))
    return tuple(found)
