"""Columns and constraints of SQL, from sqlglot's trees into drafts of tables."""

from dataclasses import dataclass

from sqlglot import exp
from sqlglot.errors import ErrorLevel

from docs_mgmt.generators.schema.drafts import ForeignKey, TableDraft
from docs_mgmt.generators.schema.shapes import Check, Column, Index

DEFAULT_SCHEMAS = frozenset({"public", "dbo", "main"})
KEY_CONSTRAINTS = (exp.PrimaryKeyColumnConstraint, exp.UniqueColumnConstraint)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a statement stands: the file, the line it begins on, its dialect."""

    path: str
    line: int
    dialect: str

    def line_of(self, node: object) -> int:
        """The line of a name in the statement."""
        found = getattr(node, "meta", {}).get("line") if isinstance(node, exp.Expr) else None
        return self.line + found - 1 if isinstance(found, int) else self.line

    def text(self, node: exp.Expr) -> str:
        """An expression in its own dialect."""
        written = node.sql(dialect=self.dialect, unsupported_level=ErrorLevel.IGNORE)
        return written if len(written) <= 200 else written[:199] + "…"  # characters of a cell


def table_name(node: exp.Expr | None) -> str:
    """The name of a table, with its schema where that is not the usual one."""
    table = node if isinstance(node, exp.Table) else None if node is None else node.find(exp.Table)
    if table is None:
        return ""
    return f"{table.db}.{table.name}" if table.db and table.db.lower() not in DEFAULT_SCHEMAS else table.name


def add_definition(table: TableDraft, node: exp.Expr, origin: Origin) -> None:
    """Add what stands between the parentheses of CREATE TABLE, or after ADD: a column or a constraint."""
    match node:
        case exp.ColumnDef():
            add_column(table, node, origin)
        case exp.Identifier():  # a column of SQLite without a type
            table.add_column(Column(node.name, "", "", True, None, origin.path, origin.line_of(node)))
        case exp.Constraint():
            for inner in node.expressions:
                add_constraint(table, inner, node.name or None, origin)
        case _:
            add_constraint(table, node, None, origin)


def add_column(table: TableDraft, node: exp.ColumnDef, origin: Origin) -> None:
    """Add a column with the keys that stand beside it; in the place of the one of its name."""
    kinds: list[exp.Expr] = [one.kind for one in node.constraints]
    line = origin.line_of(node.this)
    is_key = any(isinstance(kind, exp.PrimaryKeyColumnConstraint) for kind in kinds)
    written = "" if node.kind is None else origin.text(node.kind)
    column = Column(
        name=node.name,
        type=written.lower(),
        raw_type=written,
        nullable=not is_key and _may_be_null(kinds, node, origin),
        default=_default(kinds, origin),
        path=origin.path,
        line=line,
    )
    table.add_column(column)
    if is_key:
        table.primary_key = (node.name,)
    for kind in kinds:
        _add_beside(table, node.name, kind, origin, line)


def _may_be_null(kinds: list[exp.Expr], node: exp.ColumnDef, origin: Origin) -> bool:
    if origin.dialect == "clickhouse" and isinstance(node.kind, exp.DataType):
        return bool(node.kind.args.get("nullable"))
    if isinstance(node.kind, exp.DataType) and "SERIAL" in str(node.kind.this):
        return False
    return not any(
        (isinstance(kind, exp.NotNullColumnConstraint) and not kind.args.get("allow_null"))
        or isinstance(kind, exp.GeneratedAsIdentityColumnConstraint)
        for kind in kinds
    )


def _default(kinds: list[exp.Expr], origin: Origin) -> str | None:
    found = next((kind.this for kind in kinds if isinstance(kind, exp.DefaultColumnConstraint)), None)
    return None if found is None or isinstance(found, exp.Null) else origin.text(found)


def _add_beside(table: TableDraft, name: str, kind: exp.Expr, origin: Origin, line: int) -> None:
    match kind:
        case exp.UniqueColumnConstraint():
            table.keys.append(Index(None, (name,), True, None, origin.path, line))
        case exp.Reference():
            table.foreign_keys.append(_reference(kind, (name,), None, origin, line))
        case exp.CheckColumnConstraint():
            table.checks.append(Check(None, origin.text(kind.this), origin.path, line))


def add_constraint(table: TableDraft, node: exp.Expr, name: str | None, origin: Origin) -> None:
    """Add a key, a reference or a check that stands for itself."""
    line = origin.line_of(node.find(exp.Identifier))
    match node:
        case exp.PrimaryKey() | exp.PrimaryKeyColumnConstraint():
            inner = node if node.expressions else node.parent
            columns = _columns(inner.expressions if isinstance(inner, exp.Expr) else [], origin)
            table.primary_key = columns
            for column in columns:
                table.alter_column(column, nullable=False)
        case exp.UniqueColumnConstraint():
            schema = node.this
            own = schema.name if isinstance(schema, exp.Schema) and schema.this is not None else None
            columns = _columns(schema.expressions if isinstance(schema, exp.Schema) else [], origin)
            table.keys.append(Index(name or own or None, columns, True, None, origin.path, line))
        case exp.IndexColumnConstraint():
            columns = _columns(node.expressions, origin)
            table.keys.append(Index(node.name or name, columns, False, None, origin.path, line))
        case exp.ForeignKey():
            reference = node.args.get("reference")
            if reference is not None:
                columns = _columns(node.expressions, origin)
                table.foreign_keys.append(_reference(reference, columns, name, origin, line, node))
        case exp.CheckColumnConstraint():
            table.checks.append(Check(name, origin.text(node.this), origin.path, line))


def _reference(
    node: exp.Expr,
    columns: tuple[str, ...],
    name: str | None,
    origin: Origin,
    line: int,
    key: exp.ForeignKey | None = None,
) -> ForeignKey:
    aimed = node.this.expressions if isinstance(node.this, exp.Schema) else []
    return ForeignKey(
        columns, table_name(node.this), _columns(aimed, origin), _on_delete(node, key), origin.path, line, name
    )


def _on_delete(node: exp.Expr, key: exp.ForeignKey | None) -> str | None:
    given = None if key is None else key.args.get("delete")
    if isinstance(given, str):
        return given.lower()
    options = [str(one).upper() for one in node.args.get("options") or []]
    return next((one.removeprefix("ON DELETE ").lower() for one in options if one.startswith("ON DELETE ")), None)


def _columns(nodes: list[exp.Expr], origin: Origin) -> tuple[str, ...]:
    """Names of columns, or the text of expressions."""
    found: list[str] = []
    for node in nodes:
        inner = node.this if isinstance(node, exp.Ordered | exp.ColumnPrefix) else node
        if isinstance(inner, exp.Identifier | exp.Column):
            found.append(inner.name)
        elif isinstance(inner, exp.PrimaryKeyColumnConstraint | exp.ClusteredColumnConstraint):
            found += _columns(inner.this if isinstance(inner.this, list) else [], origin)
        elif isinstance(inner, exp.Expr):
            found.append(origin.text(inner))
    return tuple(found)


def index_of(node: exp.Create, origin: Origin) -> Index:
    """The index of a CREATE INDEX."""
    parameters = node.this.args.get("params")
    columns = _columns(list(parameters.args.get("columns") or []) if parameters is not None else [], origin)
    where = None if parameters is None else parameters.args.get("where")
    condition = None if where is None else origin.text(where.this)
    return Index(node.this.name or None, columns, bool(node.args.get("unique")), condition, origin.path, origin.line)
