"""What the statements of a Laravel blueprint do to a table."""

from collections.abc import Callable
from dataclasses import replace

from docs_mgmt.generators.schema.drafts import ForeignKey, TableDraft
from docs_mgmt.generators.schema.laravel_columns import KEYS, MORPHS, columns_of
from docs_mgmt.generators.schema.laravel_models import LaravelModels
from docs_mgmt.generators.schema.naming import plural, snake
from docs_mgmt.generators.schema.php_calls import PhpCall, PhpChain
from docs_mgmt.generators.schema.shapes import Column, Index
from docs_mgmt.generators.schema.trees import words

DELETES = {"cascadeOnDelete": "cascade", "nullOnDelete": "set null", "restrictOnDelete": "restrict",
           "noActionOnDelete": "no action"}  # fmt: skip
INDEXES = frozenset({"unique", "index", "fullText", "fulltext", "spatialIndex", "rawIndex"})
COMMON_KEYS = {"model_morph_key": "model_id", "team_foreign_key": "team_id"}
"""Names of columns that a widely used package of permissions takes from its configuration."""


class LaravelTable:
    """Applies the statements on one blueprint to the draft of its table."""

    def __init__(self, table: TableDraft, path: str, models: LaravelModels) -> None:
        self.table = table
        self.path = path
        self.models = models

    def apply(self, chain: PhpChain) -> None:
        """Apply a statement: a column with all that is chained to it, a key, or a change."""
        first = chain.calls[0]
        if first.name in _CHANGES:
            _CHANGES[first.name](self, first)
        elif first.name in INDEXES or first.name == "primary":
            self._add_key(first, tuple(words(first.arguments[0] if first.arguments else None)), position=1)
        elif first.name == "foreign":
            self._add_foreign(chain, tuple(words(first.arguments[0] if first.arguments else None)))
        elif first.name == "foreignIdFor":
            self._add_for_model(chain, first)
        else:
            self._add_columns(chain, columns_of(chain, self.path))

    def _add_columns(self, chain: PhpChain, columns: list[Column]) -> None:
        first = chain.calls[0]
        is_change = chain.named("change") is not None
        for column in columns:
            if is_change and self.table.column(column.name) is None:
                continue
            self._add_column(chain, replace(column, name=COMMON_KEYS.get(column.name, column.name)))
        if first.name in MORPHS and columns:
            names = tuple(column.name for column in columns)
            self.table.keys.append(Index(first.text(1), names, False, None, self.path, first.line))

    def _add_column(self, chain: PhpChain, column: Column) -> None:
        self.table.add_column(column)
        if chain.calls[0].name in KEYS:
            self.table.primary_key = (column.name,)
        for call in chain.calls[1:]:
            if (call.name in INDEXES or call.name == "primary") and call.arguments[:1] != [False]:
                self._add_key(call, (column.name,), position=0)
        if chain.named("constrained", "on", "references") is not None:
            self._add_foreign(chain, (column.name,))

    def _add_key(self, call: PhpCall, columns: tuple[str, ...], position: int) -> None:
        if call.name == "primary":
            self.table.primary_key = columns
            return
        given = call.text(position)
        kind = "unique" if call.name == "unique" else "fulltext" if call.name.lower() == "fulltext" else "index"
        name = given or self._default_name(columns, kind)
        self.table.keys.append(Index(name, columns, call.name == "unique", None, self.path, call.line))

    def _default_name(self, columns: tuple[str, ...], kind: str) -> str:
        return "_".join([self.table.name, *columns, kind]).lower().replace("-", "_").replace(".", "_")

    def _add_foreign(self, chain: PhpChain, columns: tuple[str, ...]) -> None:
        on, constrained, references = chain.named("on"), chain.named("constrained"), chain.named("references")
        target = None if on is None else on.text(0)
        if target is None and constrained is not None:
            target = constrained.text(0) or plural(columns[0].removesuffix("_id")) if columns else None
        if target is None or not columns:
            return
        aimed = ["id"] if references is None else words(references.arguments[0] if references.arguments else None)
        if constrained is not None and constrained.text(1):
            aimed = [constrained.text(1) or "id"]
        line = chain.calls[0].line
        name = self._default_name(columns, "foreign")
        self.table.foreign_keys.append(
            ForeignKey(columns, target, tuple(aimed), _on_delete(chain), self.path, line, name)
        )

    def _add_for_model(self, chain: PhpChain, first: PhpCall) -> None:
        """The column is named after the model, and of the type of its key."""
        model = first.text(0)
        if model is None:
            self.table.is_doubtful = True
            return
        known = self.models.model(model)
        name = first.text(1) or f"{snake(model)}_{known.key}"
        nullable = chain.named("nullable")
        self.table.add_column(
            Column(name, known.key_type, "foreignIdFor", nullable is not None, None, self.path, first.line)
        )
        for call in chain.calls[1:]:
            if call.name in INDEXES:
                self._add_key(call, (name,), position=0)
        constrained = chain.named("constrained")
        if constrained is not None:
            key = ForeignKey(
                (name,), constrained.text(0) or known.table, (known.key,), _on_delete(chain), self.path, first.line
            )
            self.table.foreign_keys.append(replace(key, name=self._default_name((name,), "foreign")))

    def drop_columns(self, call: PhpCall) -> None:
        for name in [one for argument in call.arguments for one in words(argument)]:
            self.table.drop_column(name)

    def drop_named(self, call: PhpCall) -> None:
        """Columns whose names a method knows by itself."""
        name = call.text(0)
        known = {
            "dropTimestamps": ["created_at", "updated_at"],
            "dropTimestampsTz": ["created_at", "updated_at"],
            "dropSoftDeletes": [name or "deleted_at"],
            "dropSoftDeletesTz": [name or "deleted_at"],
            "dropRememberToken": ["remember_token"],
            "dropMorphs": [f"{name}_type", f"{name}_id"],
            "dropForeignIdFor": [f"{snake(name or '')}_id"],
            "dropConstrainedForeignIdFor": [f"{snake(name or '')}_id"],
        }
        for column in known[call.name]:
            self.table.drop_column(column)

    def rename_column(self, call: PhpCall) -> None:
        self.table.rename_column(call.text(0) or "", call.text(1) or "")

    def drop_key(self, call: PhpCall) -> None:
        """A key by its name, or by the columns that it is over."""
        value = call.arguments[0] if call.arguments else None
        if isinstance(value, list) and call.name == "dropForeign":
            self.table.drop_foreign_key(words(value))
        elif isinstance(value, list):
            self.table.drop_key(words(value), unique=call.name == "dropUnique")
        elif call.name == "dropPrimary":
            self.table.primary_key = ()
        elif isinstance(value, str):
            self.table.drop_constraint(value)

    def rename_index(self, call: PhpCall) -> None:
        self.table.rename_constraint(call.text(0) or "", call.text(1) or "")


def _on_delete(chain: PhpChain) -> str | None:
    call = chain.named("onDelete", *DELETES)
    if call is None:
        return None
    return DELETES.get(call.name) or (call.text(0) or "").lower() or None


_CHANGES: dict[str, Callable[[LaravelTable, PhpCall], None]] = {
    "dropColumn": LaravelTable.drop_columns, "removeColumn": LaravelTable.drop_columns,
    "dropColumns": LaravelTable.drop_columns, "dropConstrainedForeignId": LaravelTable.drop_columns,
    "renameColumn": LaravelTable.rename_column, "renameIndex": LaravelTable.rename_index,
    **dict.fromkeys(
        ("dropTimestamps", "dropTimestampsTz", "dropSoftDeletes", "dropSoftDeletesTz", "dropRememberToken",
         "dropMorphs", "dropForeignIdFor", "dropConstrainedForeignIdFor"), LaravelTable.drop_named),
    **dict.fromkeys(
        ("dropForeign", "dropUnique", "dropIndex", "dropPrimary", "dropFullText", "dropSpatialIndex"),
        LaravelTable.drop_key),
}  # fmt: skip
