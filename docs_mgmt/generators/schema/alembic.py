"""Alembic's migrations replayed in the order of their revisions."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from docs_mgmt.generators.schema.drafts import ForeignKey, Readings, SchemaDraft, TableDraft
from docs_mgmt.generators.schema.python_source import dotted, keywords, read_module, string, strings, text_of, truth
from docs_mgmt.generators.schema.shapes import Check, Index
from docs_mgmt.generators.schema.sql import SqlBudget, apply_sql
from docs_mgmt.generators.schema.sqlalchemy_columns import Origin, add_column, add_item, keywords_delete
from docs_mgmt.generators.schema.sqlalchemy_types import type_of


@dataclass(slots=True)
class Revision:
    """A file: its name, those that it follows, and the statements of its `upgrade`."""

    path: str
    name: str
    after: list[str]
    body: list[ast.stmt] = field(default_factory=list)
    constants: dict[str, ast.expr] = field(default_factory=dict)


def replay_revisions(trees: dict[str, ast.Module], readings: Readings, budget: SqlBudget) -> SchemaDraft:
    """The tables after all revisions."""
    draft = SchemaDraft()
    for revision in _ordered([_read(path, tree) for path, tree in sorted(trees.items())]):
        replay = _Replay(draft, Origin(revision.path, revision.constants), readings, budget)
        for call, table in _operations(revision.body):
            replay.apply(call, table)
    return draft


def _read(path: str, tree: ast.Module) -> Revision:
    constants = read_module(path, tree).constants
    after = constants.get("down_revision")
    revision = Revision(path, string(constants.get("revision")) or path, [] if after is None else strings(after))
    revision.constants = constants
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "upgrade":
            revision.body = node.body
    return revision


def _ordered(revisions: list[Revision]) -> Iterator[Revision]:
    """Each after those that it follows."""
    by_name = {one.name: one for one in revisions}
    done: set[str] = set()
    for first in by_name:
        waiting = [(first, False)]
        while waiting:
            name, is_ready = waiting.pop()
            if is_ready:
                yield by_name[name]
            elif name in by_name and name not in done:
                done.add(name)
                waiting.append((name, True))
                waiting += [(one, False) for one in reversed(by_name[name].after)]


def _operations(body: list[ast.stmt], table: str | None = None) -> Iterator[tuple[ast.Call, str | None]]:
    """The calls that are statements, in order; with the table that a batch of them is about."""
    for node in body:
        if isinstance(node, ast.Expr | ast.Assign) and isinstance(node.value, ast.Call):
            yield node.value, table
        elif isinstance(node, ast.With):
            inner = node.items[0].context_expr
            batch = _batch(inner) if isinstance(inner, ast.Call) else None
            yield from _operations(node.body, batch or table)
        elif isinstance(node, ast.If | ast.For | ast.Try):
            yield from _operations([*node.body, *node.orelse], table)


def _batch(call: ast.Call) -> str | None:
    if not dotted(call.func).endswith("batch_alter_table") or not call.args:
        return None
    schema = string(keywords(call).get("schema"))
    name = string(call.args[0])
    return f"{schema}.{name}" if schema and schema != "public" and name else name


class _Replay:
    """The operations of one file, applied to the tables."""

    def __init__(self, draft: SchemaDraft, origin: Origin, readings: Readings, budget: SqlBudget) -> None:
        self.draft = draft
        self.origin = origin
        self.readings = readings
        self.budget = budget

    def apply(self, call: ast.Call, table: str | None) -> None:
        """Apply `op.name(…)`, or in a batch `batch_op.name(…)` to its table."""
        kind, options = dotted(call.func).rpartition(".")[2], keywords(call)
        arguments = list(call.args)
        missing = _POSITIONS.get(kind, ())[len(arguments) if table is None else len(arguments) + 1 :]
        arguments += [options[name] for name in missing if name in options]
        if kind == "execute":
            self._execute(call)
        elif kind in _HANDLERS:
            if table is not None:
                arguments.insert(_TABLE_AT.get(kind, 0), ast.Constant(table))
            _HANDLERS[kind](self, arguments, options, call)

    def _text(self, arguments: list[ast.expr], at: int) -> str:
        return (string(arguments[at], self.origin.constants) if at < len(arguments) else None) or ""

    def _name(self, arguments: list[ast.expr], at: int, options: dict[str, ast.expr]) -> str:
        name, schema = self._text(arguments, at), string(options.get("schema"), self.origin.constants)
        return f"{schema}.{name}" if schema and schema != "public" else name

    def _table(self, arguments: list[ast.expr], at: int, options: dict[str, ast.expr]) -> TableDraft | None:
        return self.draft.table(self._name(arguments, at, options))

    def create_table(self, arguments: list[ast.expr], options: dict[str, ast.expr], call: ast.Call) -> None:
        table = TableDraft(self._name(arguments, 0, options), self.origin.path, call.lineno)
        self.origin.keys = {}
        for item in arguments[1:]:
            add_item(table, item.value if isinstance(item, ast.Starred) else item, self.origin)
        self.draft.add_table(table)

    def drop_table(self, arguments: list[ast.expr], options: dict[str, ast.expr], call: ast.Call) -> None:
        self.draft.drop_table(self._name(arguments, 0, options))

    def rename_table(self, arguments: list[ast.expr], options: dict[str, ast.expr], call: ast.Call) -> None:
        self.draft.rename_table(self._name(arguments, 0, options), self._name(arguments, 1, options))

    def add_column(self, arguments: list[ast.expr], options: dict[str, ast.expr], call: ast.Call) -> None:
        table = self._table(arguments, 0, options)
        column = arguments[1] if len(arguments) > 1 else None
        if table is not None and isinstance(column, ast.Call):
            add_column(table, column, "", None, self.origin, column.lineno)

    def drop_column(self, arguments: list[ast.expr], options: dict[str, ast.expr], call: ast.Call) -> None:
        table = self._table(arguments, 0, options)
        if table is not None:
            table.drop_column(self._text(arguments, 1))

    def alter_column(self, arguments: list[ast.expr], options: dict[str, ast.expr], call: ast.Call) -> None:
        table, name = self._table(arguments, 0, options), self._text(arguments, 1)
        if table is None:
            return
        kind = options.get("type_")
        if kind is not None:
            table.alter_column(name, type=type_of(kind, self.origin.constants), raw_type=text_of(kind))
        if "nullable" in options:
            table.alter_column(name, nullable=truth(options["nullable"], otherwise=True))
        if "server_default" in options:
            default = options["server_default"]
            absent = isinstance(default, ast.Constant) and default.value in (None, False)
            table.alter_column(name, default=None if absent else text_of(default, 80))
        new = string(options.get("new_column_name"), self.origin.constants)
        if new:
            table.rename_column(name, new)

    def create_index(self, arguments: list[ast.expr], options: dict[str, ast.expr], call: ast.Call) -> None:
        self._add_key(arguments, options, call, truth(options.get("unique")))

    def create_unique_constraint(self, arguments: list[ast.expr], options: dict[str, ast.expr], call: ast.Call) -> None:
        self._add_key(arguments, options, call, True)

    def _add_key(self, arguments: list[ast.expr], options: dict[str, ast.expr], call: ast.Call, unique: bool) -> None:
        table = self._table(arguments, 1, options)
        if table is not None and len(arguments) > 2:  # a name, a table, columns
            where = options.get("postgresql_where")
            columns = self._columns(arguments[2])
            name = self._text(arguments, 0) or None
            condition = None if where is None else text_of(where)
            table.keys.append(Index(name, columns, unique, condition, self.origin.path, call.lineno))

    def _columns(self, node: ast.expr) -> tuple[str, ...]:
        nodes = node.elts if isinstance(node, ast.List | ast.Tuple) else [node]
        return tuple(string(one, self.origin.constants) or text_of(one, 80) for one in nodes)

    def create_primary_key(self, arguments: list[ast.expr], options: dict[str, ast.expr], call: ast.Call) -> None:
        table = self._table(arguments, 1, options)
        if table is not None and len(arguments) > 2:
            table.primary_key = self._columns(arguments[2])

    def create_check_constraint(self, arguments: list[ast.expr], options: dict[str, ast.expr], call: ast.Call) -> None:
        table = self._table(arguments, 1, options)
        if table is not None and len(arguments) > 2:
            rule = string(arguments[2], self.origin.constants) or text_of(arguments[2])
            table.checks.append(Check(self._text(arguments, 0) or None, rule, self.origin.path, call.lineno))

    def create_foreign_key(self, arguments: list[ast.expr], options: dict[str, ast.expr], call: ast.Call) -> None:
        options = {**options, "schema": options.get("source_schema", ast.Constant(None))}
        table = self._table(arguments, 1, options)
        if table is not None and len(arguments) > 4:  # a name, two tables, two lists of columns
            aimed = self._name(arguments, 2, {"schema": options.get("referent_schema", ast.Constant(None))})
            columns, to_columns = self._columns(arguments[3]), self._columns(arguments[4])
            name, delete = self._text(arguments, 0) or None, keywords_delete(options, self.origin)
            table.foreign_keys.append(
                ForeignKey(columns, aimed, to_columns, delete, self.origin.path, call.lineno, name)
            )

    def drop_constraint(self, arguments: list[ast.expr], options: dict[str, ast.expr], call: ast.Call) -> None:
        table = self._table(arguments, 1, options)
        if table is not None:
            table.drop_constraint(self._text(arguments, 0))

    def drop_index(self, arguments: list[ast.expr], options: dict[str, ast.expr], call: ast.Call) -> None:
        self.draft.drop_index(self._text(arguments, 0))

    def _execute(self, call: ast.Call) -> None:
        node = call.args[0] if call.args else None
        inner = node.args[0] if isinstance(node, ast.Call) and node.args else node
        text = string(inner, self.origin.constants)
        if text is not None and inner is not None:
            apply_sql(self.draft, text, self.origin.path, "postgres", self.readings, self.budget, inner.lineno)


_POSITIONS = {
    "create_table": ("table_name",), "drop_table": ("table_name",),
    "rename_table": ("old_table_name", "new_table_name"),
    "add_column": ("table_name", "column"), "drop_column": ("table_name", "column_name"),
    "alter_column": ("table_name", "column_name"), "create_index": ("index_name", "table_name", "columns"),
    "create_unique_constraint": ("constraint_name", "table_name", "columns"),
    "create_primary_key": ("constraint_name", "table_name", "columns"),
    "create_check_constraint": ("constraint_name", "table_name", "condition"),
    "create_foreign_key": ("constraint_name", "source_table", "referent_table", "local_cols", "remote_cols"),
    "drop_constraint": ("constraint_name", "table_name"), "drop_index": ("index_name", "table_name"),
}  # fmt: skip
_TABLE_AT = {name: 1 for name, positions in _POSITIONS.items() if len(positions) > 1 and positions[0].endswith("_name")
             and positions[1] in {"table_name", "source_table"}}  # fmt: skip
_HANDLERS = {name: getattr(_Replay, name) for name in _POSITIONS}
