"""Rails' statements that change a table from outside: `add_column`, `remove_index` and the like."""

from docs_mgmt.generators.schema.drafts import TableDraft
from docs_mgmt.generators.schema.naming import singular
from docs_mgmt.generators.schema.rails_tables import RailsTables
from docs_mgmt.generators.schema.ruby_calls import RubyCall
from docs_mgmt.generators.schema.trees import words, written


def apply_statement(tables: RailsTables, call: RubyCall) -> None:
    """Apply a statement to the tables; what is no change of a table is passed over."""
    if call.method in _OF_ALL:
        _OF_ALL[call.method](tables, call)
        return
    table = tables.draft.table(call.text(0))
    handler = _OF_TABLE.get(call.method)
    if handler is not None and table is not None:
        handler(tables, table, RubyCall(call.receiver, call.method, call.line, call.arguments[1:], call.options))


def _drop_tables(tables: RailsTables, call: RubyCall) -> None:
    for name in [one for argument in call.arguments for one in words(argument)]:
        tables.draft.drop_table(name)


def _rename_table(tables: RailsTables, call: RubyCall) -> None:
    tables.draft.rename_table(call.text(0), call.text(1))


def _add_column(tables: RailsTables, table: TableDraft, call: RubyCall) -> None:
    if not (call.options.get("if_not_exists") is True and table.column(call.text(0))):
        tables.add(table, call, call.text(0), call.text(1))


def _change_column(tables: RailsTables, table: TableDraft, call: RubyCall) -> None:
    if table.column(call.text(0)) is not None:
        tables.add(table, call, call.text(0), call.text(1))


def _remove_columns(tables: RailsTables, table: TableDraft, call: RubyCall) -> None:
    names = call.arguments[:1] if call.method == "remove_column" else call.arguments
    for name in [one for argument in names for one in words(argument)]:
        table.drop_column(name)


def _change_null(tables: RailsTables, table: TableDraft, call: RubyCall) -> None:
    if len(call.arguments) > 1:
        table.alter_column(call.text(0), nullable=call.arguments[1] is not False)


def _change_default(tables: RailsTables, table: TableDraft, call: RubyCall) -> None:
    value = call.options.get("to", call.arguments[1] if len(call.arguments) > 1 else None)
    table.alter_column(call.text(0), default=written(value))


def _remove_index(tables: RailsTables, table: TableDraft, call: RubyCall) -> None:
    name = call.option_text("name")
    if name:
        table.drop_constraint(name)
    else:
        table.drop_key(words(call.options.get("column", call.arguments[0] if call.arguments else None)))


def _remove_foreign_key(tables: RailsTables, table: TableDraft, call: RubyCall) -> None:
    column = call.option_text("column")
    name = call.option_text("name")
    target = call.text(0)
    table.foreign_keys = [
        key
        for key in table.foreign_keys
        if not (
            key.columns == (column,) or (name and key.name == name) or (target and not column and key.table == target)
        )
    ]


def _remove_reference(tables: RailsTables, table: TableDraft, call: RubyCall) -> None:
    for name in words(call.arguments[0]) if call.arguments else []:
        table.drop_column(f"{name}_id")
        if call.options.get("polymorphic"):
            table.drop_column(f"{name}_type")


def _remove_timestamps(tables: RailsTables, table: TableDraft, call: RubyCall) -> None:
    table.drop_column("created_at")
    table.drop_column("updated_at")


def _add_foreign_key(tables: RailsTables, table: TableDraft, call: RubyCall) -> None:
    target = call.text(0)
    column = call.option_text("column") or f"{singular(target.rpartition('.')[2])}_id"
    tables.add_key(table, column, target, call.options, call.line)


_OF_ALL = {
    "create_table": RailsTables.create_table, "create_join_table": RailsTables.create_join_table,
    "change_table": RailsTables.change_table, "drop_table": _drop_tables, "rename_table": _rename_table,
}  # fmt: skip
_OF_TABLE = {
    "add_column": _add_column, "change_column": _change_column, "remove_column": _remove_columns,
    "remove_columns": _remove_columns, "rename_column": RailsTables.inner_rename, "add_index": RailsTables.inner_index,
    "remove_index": _remove_index, "change_column_null": _change_null, "change_column_default": _change_default,
    "add_foreign_key": _add_foreign_key, "remove_foreign_key": _remove_foreign_key,
    "add_reference": RailsTables.references, "add_belongs_to": RailsTables.references,
    "remove_reference": _remove_reference, "remove_belongs_to": _remove_reference,
    "add_timestamps": RailsTables.timestamps, "remove_timestamps": _remove_timestamps,
    "add_check_constraint": RailsTables.check_constraint, "add_unique_constraint": RailsTables.unique_constraint,
}  # fmt: skip
