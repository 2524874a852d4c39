"""What Rails' schema statements do to tables: of schema.rb, and of migrations."""

from dataclasses import dataclass

from docs_mgmt.generators.schema.drafts import ForeignKey, SchemaDraft, TableDraft
from docs_mgmt.generators.schema.naming import plural, singular
from docs_mgmt.generators.schema.ruby_calls import RubyCall, calls_in
from docs_mgmt.generators.schema.shapes import Check, Column, Index
from docs_mgmt.generators.schema.trees import Value, number, words, written

TYPES = {
    "string": "varchar", "text": "text", "integer": "integer", "bigint": "bigint", "float": "double",
    "decimal": "numeric", "numeric": "numeric", "datetime": "timestamp", "timestamp": "timestamp",
    "timestamptz": "timestamptz", "time": "time", "date": "date", "binary": "binary", "blob": "blob",
    "boolean": "boolean", "json": "json", "jsonb": "jsonb", "uuid": "uuid", "primary_key": "bigint",
}  # fmt: skip
"""The database's type of each; one that is not here is the database's own name for it."""
INTEGERS = {1: "tinyint", 2: "smallint", 3: "mediumint", 8: "bigint"}
NO_COLUMN = frozenset({
    "index", "timestamps", "references", "belongs_to", "check_constraint", "foreign_key", "unique_constraint",
    "exclusion_constraint", "remove", "rename", "change", "change_default", "change_null", "remove_references",
    "remove_belongs_to", "remove_timestamps", "remove_index", "column", "remove_foreign_key", "attachment", "each",
})  # fmt: skip
ON_DELETE = {"cascade": "cascade", "nullify": "set null", "restrict": "restrict"}


@dataclass(slots=True)
class RailsTables:
    """What statements do to a draft: `path` is the file they are in, `id_type` the type of implicit ids."""

    draft: SchemaDraft
    path: str
    id_type: str = "bigint"

    def create_table(self, call: RubyCall) -> None:
        name = call.text(0)
        if not name or (call.options.get("if_not_exists") is True and self.draft.table(name)):
            return
        table = TableDraft(name, self.path, call.line)
        self._add_id(table, call)
        self._fill(table, call)
        self.draft.add_table(table)

    def create_join_table(self, call: RubyCall) -> None:
        first, second = call.text(0), call.text(1)
        table = TableDraft(call.option_text("table_name") or "_".join(sorted([first, second])), self.path, call.line)
        for name in (first, second):
            table.add_column(self._column(f"{singular(name)}_id", "bigint", {"null": False}, call.line))
        self._fill(table, call)
        self.draft.add_table(table)

    def change_table(self, call: RubyCall) -> None:
        table = self.draft.table(call.text(0))
        if table is not None:
            self._fill(table, call)

    def _add_id(self, table: TableDraft, call: RubyCall) -> None:
        given = call.options.get("id")
        key = call.options.get("primary_key")
        if isinstance(key, list):
            table.primary_key = tuple(words(key))
        elif given is not False:
            name = key if isinstance(key, str) else "id"
            options = given if isinstance(given, dict) else {"default": call.options.get("default")}
            kind = given if isinstance(given, str) else options.get("type")
            kind = kind if isinstance(kind, str) else self.id_type
            kind = {"serial": "integer", "bigserial": "bigint"}.get(kind, kind)
            table.add_column(self._column(name, kind, {**options, "null": False}, call.line))
            table.primary_key = (name,)

    def _fill(self, table: TableDraft, call: RubyCall) -> None:
        for inner in calls_in(call.body):
            if inner.receiver == call.parameter or not call.parameter:
                self._apply_inner(table, inner)

    def _apply_inner(self, table: TableDraft, call: RubyCall) -> None:
        if call.method == "column":
            self.add(table, call, call.text(0), call.text(1))
        elif call.method in NO_COLUMN:
            handler = _INNER.get(call.method)
            if handler is not None:
                handler(self, table, call)
        elif not call.method.startswith(("add_", "remove_", "change_", "rename_")) and not call.method.endswith("?"):
            for name in [one for argument in call.arguments for one in words(argument)]:
                self.add(table, call, name, call.method)

    def add(self, table: TableDraft, call: RubyCall, name: str, kind: str) -> None:
        if not name:
            table.is_doubtful = True
            return
        table.add_column(self._column(name, kind, call.options, call.line))
        if call.method == "primary_key" or kind == "primary_key" or call.options.get("primary_key") is True:
            table.primary_key = (name,)
        index = call.options.get("index")
        if index:
            self._index(table, (name,), index if isinstance(index, dict) else {}, call.line)

    def _column(self, name: str, kind: str, options: dict[str, Value], line: int) -> Column:
        type_ = _type(kind, options)
        nullable = options.get("null") is not False and kind != "primary_key"
        return Column(name, type_, kind, nullable, written(options.get("default")), self.path, line)

    def _index(self, table: TableDraft, columns: tuple[str, ...], options: dict[str, Value], line: int) -> None:
        name, where = options.get("name"), options.get("where")
        table.keys.append(
            Index(
                name if isinstance(name, str) else None,
                columns,
                options.get("unique") is True,
                where if isinstance(where, str) else None,
                self.path,
                line,
            )
        )

    def inner_index(self, table: TableDraft, call: RubyCall) -> None:
        columns = call.arguments[0] if call.arguments else []
        self._index(table, tuple(words(columns)), call.options, call.line)

    def unique_constraint(self, table: TableDraft, call: RubyCall) -> None:
        columns = tuple(words(call.arguments[0])) if call.arguments else ()
        self._index(table, columns, {**call.options, "unique": True}, call.line)

    def timestamps(self, table: TableDraft, call: RubyCall) -> None:
        options = {"null": False, **call.options}
        for name in ("created_at", "updated_at"):
            table.add_column(self._column(name, "datetime", options, call.line))

    def references(self, table: TableDraft, call: RubyCall) -> None:
        for name in [one for argument in call.arguments for one in words(argument)]:
            self._refer(table, name, call)

    def _refer(self, table: TableDraft, name: str, call: RubyCall) -> None:
        given = call.options.get("type")
        kind, column = given if isinstance(given, str) else self.id_type, f"{name}_id"
        options = {key: value for key, value in call.options.items() if key in {"null", "default", "limit"}}
        names = [column]
        polymorphic = call.options.get("polymorphic")
        if polymorphic:
            more = polymorphic if isinstance(polymorphic, dict) else {}
            table.add_column(self._column(f"{name}_type", "string", {**options, **more}, call.line))
            names = [f"{name}_type", column]
        table.add_column(self._column(column, kind, options, call.line))
        index = call.options.get("index", True)
        if index is not False and index is not None:
            self._index(table, tuple(names), index if isinstance(index, dict) else {}, call.line)
        key = call.options.get("foreign_key")
        if key:
            self.add_key(table, column, plural(name), key if isinstance(key, dict) else {}, call.line)

    def add_key(self, table: TableDraft, column: str, target: str, options: dict[str, Value], line: int) -> None:
        given, aimed, delete = options.get("to_table"), options.get("primary_key"), options.get("on_delete")
        name = options.get("name")
        table.foreign_keys.append(
            ForeignKey(
                (column,),
                given if isinstance(given, str) else target,
                (aimed,) if isinstance(aimed, str) else (),
                ON_DELETE.get(delete) if isinstance(delete, str) else None,
                self.path,
                line,
                name if isinstance(name, str) else None,
            )
        )

    def check_constraint(self, table: TableDraft, call: RubyCall) -> None:
        table.checks.append(Check(call.option_text("name"), call.text(0), self.path, call.line))

    def inner_remove(self, table: TableDraft, call: RubyCall) -> None:
        for name in [one for argument in call.arguments for one in words(argument)]:
            table.drop_column(name)

    def inner_rename(self, table: TableDraft, call: RubyCall) -> None:
        table.rename_column(call.text(0), call.text(1))

    def inner_change(self, table: TableDraft, call: RubyCall) -> None:
        if table.column(call.text(0)) is not None:
            self.add(table, call, call.text(0), call.text(1))

    def inner_foreign_key(self, table: TableDraft, call: RubyCall) -> None:
        target = call.text(0)
        column = call.option_text("column") or f"{singular(target)}_id"
        self.add_key(table, column, target, call.options, call.line)


def _type(kind: str, options: dict[str, Value]) -> str:
    limit = number(options.get("limit"))
    base = TYPES.get(kind, kind)
    if kind == "integer" and limit in INTEGERS:
        base = INTEGERS[limit]
    elif kind in {"enum"}:
        name = options.get("enum_type")
        base = f"enum {name}" if isinstance(name, str) else "enum"
    elif base == "numeric" and number(options.get("precision")) is not None:
        base = f"numeric({number(options.get('precision'))},{number(options.get('scale')) or 0})"
    elif base == "varchar" and limit is not None:
        base = f"varchar({limit})"
    return f"{base}[]" if options.get("array") is True else base


_INNER = {
    "index": RailsTables.inner_index, "unique_constraint": RailsTables.unique_constraint,
    "timestamps": RailsTables.timestamps, "references": RailsTables.references,
    "belongs_to": RailsTables.references, "check_constraint": RailsTables.check_constraint,
    "remove": RailsTables.inner_remove, "rename": RailsTables.inner_rename, "change": RailsTables.inner_change,
    "foreign_key": RailsTables.inner_foreign_key,
}  # fmt: skip
