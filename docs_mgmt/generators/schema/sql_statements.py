"""SQL statements applied to a draft: CREATE, ALTER, DROP and RENAME of tables and indexes, in six dialects."""

import logging
import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from docs_mgmt.generators.schema.drafts import SchemaDraft, TableDraft
from docs_mgmt.generators.schema.sql_columns import (
    Origin,
    add_column,
    add_constraint,
    add_definition,
    index_of,
    table_name,
)
from docs_mgmt.generators.schema.sql_split import Statement

# It warns of each statement that it does not understand, with its text: the schema tells of those itself.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

_NAME = r"((?:[\w$.]++|\"[^\"]++\"|`[^`]++`|\[[^\]]++\])++)"
_RENAME_CONSTRAINT = re.compile(
    rf"ALTER\s+TABLE\s+(?:ONLY\s+)?{_NAME}\s+RENAME\s+(?:CONSTRAINT|INDEX|KEY)\s+{_NAME}\s+TO\s+{_NAME}", re.IGNORECASE
)
_RENAME_INDEX = re.compile(rf"ALTER\s+INDEX\s+(?:IF\s+EXISTS\s+)?{_NAME}\s+RENAME\s+TO\s+{_NAME}", re.IGNORECASE)
_RENAME_TABLES = re.compile(rf"{_NAME}\s+TO\s+{_NAME}", re.IGNORECASE)
_IGNORED_ALTER = re.compile(
    r"ALTER\s+TABLE\s+.{1,200}?\s(?:OWNER|ENABLE|DISABLE|REPLICA|CLUSTER|VALIDATE|ATTACH|DETACH|SET|RESET|INHERIT|FORCE|ENGINE"
    r"|UPDATE|DELETE|MATERIALIZE|(?:ADD|DROP|CLEAR)\s+PROJECTION|MODIFY\s+(?:SETTING|TTL|ORDER)"
    r"|AUTO_INCREMENT|COMMENT|CONVERT|ALTER\s+COLUMN\s+\S+\s+(?:SET\s+(?:STORAGE|STATISTICS)|ADD\s+GENERATED))\b",
    re.IGNORECASE | re.DOTALL,
)
_IGNORED_INDEX = re.compile(r"ALTER\s+INDEX", re.IGNORECASE)
MAX_HEAD_CHARS = 10_000  # of a statement, for what is told by its first words
OTHER_DIALECTS = ("postgres", "mysql", "sqlite", "tsql")


class StatementNotUnderstood(Exception):
    """A statement that changes tables in a way that is not understood."""


def apply_statement(draft: SchemaDraft, statement: Statement, path: str, dialect: str, first_line: int = 1) -> None:
    """Apply it; its text begins on `first_line` of the file. Raises StatementNotUnderstood."""
    head = " ".join(statement.text[:MAX_HEAD_CHARS].split())
    if _apply_renaming(draft, head):
        return
    node, read_as = _parse(statement.text, head, dialect)
    origin = Origin(path, statement.line + first_line - 1, read_as)
    match node:
        case exp.Create() if node.kind == "TABLE":
            _create_table(draft, node, origin)
        case exp.Create() if node.kind == "INDEX":
            table = draft.table(table_name(node.this.args.get("table")))
            if table is not None:
                table.keys.append(index_of(node, origin))
        case exp.Alter():
            _alter(draft, node, origin)
        case exp.Drop():
            _drop(draft, node)
        case _ if _IGNORED_ALTER.match(head) or _IGNORED_INDEX.match(head):
            return
        case _:
            raise StatementNotUnderstood


def _parse(text: str, head: str, dialect: str) -> tuple[exp.Expr, str]:
    """The tree of a statement, and the dialect that it could be read in: its own, else another one."""
    for one in (dialect, *(other for other in OTHER_DIALECTS if other != dialect)):
        try:
            node = sqlglot.parse_one(text, read=one)
        except (SqlglotError, RecursionError, ValueError, AttributeError, TypeError, IndexError, KeyError):
            continue  # the last ones are of a parser that meets what it was not made for
        if not isinstance(node, exp.Command):
            return node, one
        if _IGNORED_ALTER.match(head):
            return node, one
    raise StatementNotUnderstood


def _apply_renaming(draft: SchemaDraft, text: str) -> bool:
    """What the parser does not know: names of constraints, indexes and, in MySQL, tables."""
    if found := _RENAME_CONSTRAINT.match(text):
        table = draft.table(_unquoted(found[1]))
        if table is not None:
            table.rename_constraint(_unquoted(found[2]), _unquoted(found[3]))
    elif found := _RENAME_INDEX.match(text):
        draft.rename_index(_unquoted(found[1]), _unquoted(found[2]))
    elif text[:6].upper() == "RENAME":
        for pair in _RENAME_TABLES.finditer(text, text.upper().index("TABLE") + 5):
            draft.rename_table(_unquoted(pair[1]), _unquoted(pair[2]))
    else:
        return False
    return True


def _unquoted(name: str) -> str:
    parts = [part.strip('"`[]') for part in name.split(".")]
    return ".".join(parts[1:] if len(parts) > 1 and parts[0].lower() in {"public", "dbo", "main"} else parts)


def _create_table(draft: SchemaDraft, node: exp.Create, origin: Origin) -> None:
    name = table_name(node.this)
    properties = node.args.get("properties")
    kinds = [] if properties is None else properties.expressions
    is_partition = any(isinstance(kind, exp.PartitionedOfProperty | exp.TemporaryProperty) for kind in kinds)
    if not name or is_partition or (node.args.get("exists") and draft.table(name) is not None):
        return
    table = TableDraft(name, origin.path, origin.line)
    for kind in kinds:
        if isinstance(kind, exp.InheritsProperty | exp.LikeProperty):
            _copy(draft, table, kind)
    if isinstance(node.this, exp.Schema):
        for inner in node.this.expressions:
            if isinstance(inner, exp.LikeProperty):
                _copy(draft, table, inner)
            else:
                add_definition(table, inner, origin)
    _settle(table)
    table.is_doubtful = not table.columns
    draft.add_table(table)


def _copy(draft: SchemaDraft, table: TableDraft, node: exp.Expr) -> None:
    """Take the columns of another table."""
    for one in node.find_all(exp.Table):
        other = draft.table(table_name(one))
        for column in [] if other is None else other.columns.values():
            table.add_column(column)


def _settle(table: TableDraft) -> None:
    """Columns of the primary key are never null, wherever it is said."""
    for name in table.primary_key:
        table.alter_column(name, nullable=False)


def _alter(draft: SchemaDraft, node: exp.Alter, origin: Origin) -> None:
    table = draft.table(table_name(node.this))
    if table is None:
        return
    for action in node.args.get("actions") or []:
        _act(draft, table, action, origin)


def _act(draft: SchemaDraft, table: TableDraft, action: exp.Expr, origin: Origin) -> None:
    match action:
        case exp.ColumnDef():
            if not (action.args.get("exists") and table.column(action.name)):
                add_column(table, action, origin)
        case exp.Schema() | exp.AddConstraint():  # ADD (a int, b int), ADD CONSTRAINT
            for inner in action.expressions:
                add_definition(table, inner, origin)
        case exp.RenameColumn():
            table.rename_column(action.this.name, action.args["to"].name)
        case exp.AlterRename():
            draft.rename_table(table.name, _in_same_schema(table.name, table_name(action.this)))
        case exp.DropPrimaryKey():
            table.primary_key = ()
        case _:
            _change(table, action, origin)
    _settle(table)


def _change(table: TableDraft, action: exp.Expr, origin: Origin) -> None:
    match action:
        case exp.Drop():
            _drop_part(table, action)
        case exp.AlterColumn():
            _alter_column(table, action, origin)
        case exp.ModifyColumn():
            _modify_column(table, action, origin)
        case _:
            add_constraint(table, action, None, origin)


def _in_same_schema(old: str, new: str) -> str:
    schema, _, _ = old.rpartition(".")
    return f"{schema}.{new}" if schema and "." not in new else new


def _alter_column(table: TableDraft, action: exp.AlterColumn, origin: Origin) -> None:
    name, type_ = action.this.name, action.args.get("dtype")
    if type_ is not None:
        written = origin.text(type_)
        table.alter_column(name, type=written.lower(), raw_type=written, line=origin.line, path=origin.path)
    if action.args.get("allow_null") is not None:
        table.alter_column(name, nullable=bool(action.args["allow_null"]))
    elif action.args.get("default") is not None:
        table.alter_column(name, default=origin.text(action.args["default"]))
    elif action.args.get("drop"):
        table.alter_column(name, default=None)


def _modify_column(table: TableDraft, action: exp.ModifyColumn, origin: Origin) -> None:
    """MySQL's MODIFY and CHANGE give the whole column anew."""
    old = action.args.get("rename_from")
    if old is not None:
        table.rename_column(old.name, action.this.name)
    if table.column(action.this.name) is not None:
        add_column(table, action.this, origin)
        _settle(table)


def _drop_part(table: TableDraft, action: exp.Drop) -> None:
    kind = str(action.args.get("kind") or "COLUMN").upper()
    nodes = [*(action.args.get("tables") or []), *([action.this] if isinstance(action.this, exp.Expr) else [])]
    for name in [node.name for node in nodes if node.name]:
        if kind != "COLUMN":
            table.drop_constraint(name)
            if name.lower() in {f"{table.name}_pkey".lower(), f"pk_{table.name}".lower()}:
                table.primary_key = ()
        else:
            table.drop_column(name)


def _drop(draft: SchemaDraft, node: exp.Drop) -> None:
    for one in node.args.get("tables") or []:
        if node.args.get("kind") == "TABLE":
            draft.drop_table(table_name(one))
        elif node.args.get("kind") == "INDEX":
            draft.drop_index(one.name)
