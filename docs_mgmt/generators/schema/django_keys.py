"""Indexes, unique keys and checks of a Django model: of its fields, and of the options in its `Meta`."""

import ast
from collections.abc import Iterator, Mapping

from docs_mgmt.generators.schema.django_fields import TO_MANY, WITHOUT_COLUMN, DjangoField
from docs_mgmt.generators.schema.drafts import TableDraft
from docs_mgmt.generators.schema.python_source import dotted, keywords, string, strings, text_of
from docs_mgmt.generators.schema.shapes import Check, Index


def add_keys(
    table: TableDraft,
    meta: Mapping[str, ast.expr],
    fields: Mapping[str, DjangoField],
    constants: dict[str, ast.expr],
    key: tuple[str, str],
) -> None:
    """Add to the table the keys of a model; `key` is its app and name, which the names of keys may be made of."""
    for one in fields.values():
        table.keys += _of_field(one)
    for option, unique in (("unique_together", True), ("index_together", False)):
        for names in _groups(meta.get(option), constants):
            columns = tuple(_column(fields, name) for name in names)
            table.keys.append(Index(None, columns, unique, None, table.path, _line(meta[option], table.line)))
    for option in ("indexes", "constraints"):
        for call in _calls(meta.get(option), constants):
            _add_call(table, call, fields, constants, key)


def _of_field(one: DjangoField) -> list[Index]:
    if one.kind in TO_MANY or one.kind in WITHOUT_COLUMN or one.is_primary_key:
        return []
    if one.is_unique or one.is_indexed:
        return [Index(None, (one.column_name,), one.is_unique, None, one.path, one.line)]
    return []


def _add_call(
    table: TableDraft,
    call: ast.Call,
    fields: Mapping[str, DjangoField],
    constants: dict[str, ast.expr],
    key: tuple[str, str],
) -> None:
    kind, options = dotted(call.func).rpartition(".")[2], keywords(call)
    name = string(options.get("name"), constants)
    name = None if name is None else name.replace("%(app_label)s", key[0]).replace("%(class)s", key[1])
    line = _line(call, table.line)
    if kind == "CheckConstraint":
        rule = options.get("condition", options.get("check"))
        table.checks.append(Check(name, "" if rule is None else text_of(rule), table.path, line))
    elif kind == "ExclusionConstraint":
        rule = options.get("expressions")
        table.checks.append(Check(name, f"exclude {'' if rule is None else text_of(rule)}", table.path, line))
    elif kind == "UniqueConstraint" or kind.endswith("Index"):
        columns = [_column(fields, one.lstrip("-")) for one in strings(options.get("fields"), constants)]
        columns += [_expression(argument, fields) for argument in call.args]
        condition = options.get("condition")
        where = None if condition is None else text_of(condition)
        table.keys.append(Index(name, tuple(columns), kind == "UniqueConstraint", where, table.path, line))


def _expression(node: ast.expr, fields: Mapping[str, DjangoField]) -> str:
    text = string(node)
    return text_of(node, 80) if text is None else _column(fields, text.lstrip("-"))


def _column(fields: Mapping[str, DjangoField], name: str) -> str:
    found = fields.get(name)
    return name if found is None else found.column_name


def _groups(node: ast.expr | None, constants: dict[str, ast.expr]) -> list[list[str]]:
    """The groups of `unique_together`: a list of lists, or one list alone."""
    if isinstance(node, ast.Call) and node.args:  # set([("a", "b")]), as old migrations write it
        node = node.args[0]
    if not isinstance(node, ast.List | ast.Tuple | ast.Set):
        return []
    if node.elts and all(string(one, constants) is not None for one in node.elts):
        return [strings(node, constants)]
    return [strings(one, constants) for one in node.elts if strings(one, constants)]


def _calls(node: ast.expr | None, constants: dict[str, ast.expr]) -> Iterator[ast.Call]:
    """The calls in a list, also in a sum of lists."""
    waiting = [] if node is None else [node]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, ast.List | ast.Tuple):
            waiting = [*one.elts, *waiting]
        elif isinstance(one, ast.BinOp):
            waiting = [one.left, one.right, *waiting]
        elif isinstance(one, ast.Name) and isinstance(constants.get(one.id), ast.List | ast.Tuple):
            waiting = [constants[one.id], *waiting]
        elif isinstance(one, ast.Call):
            yield one


def _line(node: ast.expr, otherwise: int) -> int:
    return getattr(node, "lineno", otherwise)
