"""Tables of Django models, however they were found: ids, columns, keys, and the tables of many-to-many relations."""

import ast
from dataclasses import dataclass, field

from docs_mgmt.generators.schema import django_keys
from docs_mgmt.generators.schema.django_apps import DjangoApps
from docs_mgmt.generators.schema.django_fields import (
    AUTO,
    TO_MANY,
    TO_ONE,
    WITHOUT_COLUMN,
    DjangoField,
    column_of,
    type_of,
)
from docs_mgmt.generators.schema.django_known import KNOWN_FOLDER, TABLES
from docs_mgmt.generators.schema.drafts import ForeignKey, SchemaDraft, TableDraft
from docs_mgmt.generators.schema.python_source import string, truth
from docs_mgmt.generators.schema.shapes import Column, Index

ModelKey = tuple[str, str]
AUTO_OF = {"AutoField": "integer", "BigAutoField": "bigint", "SmallAutoField": "smallint"}
MAX_KEY_HOPS = 20  # of primary keys that are references


@dataclass(slots=True)
class DjangoModel:
    """A model that has a table: `parents` are the concrete models it extends, `meta` its options as written."""

    app: str
    name: str
    path: str
    line: int
    fields: dict[str, DjangoField] = field(default_factory=dict)
    meta: dict[str, ast.expr] = field(default_factory=dict)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    parents: list[ModelKey] = field(default_factory=list)
    is_proxy: bool = False
    is_doubtful: bool = False

    @property
    def key(self) -> ModelKey:
        return (self.app.lower(), self.name.lower())

    @property
    def table(self) -> str:
        return string(self.meta.get("db_table"), self.constants) or f"{self.app}_{self.name.lower()}"


@dataclass(slots=True)
class DjangoModels:
    """All models of a project, by app and name."""

    apps: DjangoApps
    models: dict[ModelKey, DjangoModel] = field(default_factory=dict)

    def add(self, model: DjangoModel) -> None:
        self.models[model.key] = model

    def concrete(self, key: ModelKey) -> ModelKey:
        """The model whose table it is: itself, or what a proxy stands for."""
        for _ in range(MAX_KEY_HOPS):
            found = self.models.get(key)
            if found is None or not found.is_proxy or not found.parents:
                break
            key = found.parents[0]
        return key

    def table_of(self, key: ModelKey) -> str:
        """The table of a model, by the rule of names where the model is not in the repository."""
        found = self.models.get(self.concrete(key))
        return found.table if found is not None else TABLES.get(key, f"{key[0]}_{key[1]}")

    def primary_key(self, key: ModelKey) -> tuple[str, str]:
        """Name and type of the column that a reference to the model holds."""
        found = self.models.get(self.concrete(key))
        if found is None:
            return "id", "integer"
        return self._primary_key(found, MAX_KEY_HOPS)

    def column_type(self, one: DjangoField, hops: int = MAX_KEY_HOPS) -> str:
        """The type of a field's column; of a reference that of the key it refers to."""
        if one.kind not in TO_ONE:
            return AUTO_OF.get(one.kind) or type_of(one)
        target = None if one.target is None else self.models.get(self.concrete(one.target))
        if target is None or not hops:
            return "integer"
        aimed = target.fields.get(string(one.options.get("to_field"), one.constants) or "")
        return self._primary_key(target, hops - 1)[1] if aimed is None else self.column_type(aimed, hops - 1)

    def _primary_key(self, model: DjangoModel, hops: int) -> tuple[str, str]:
        own = next((one for one in model.fields.values() if one.is_primary_key), None)
        if own is not None:
            return own.column_name, self.column_type(own, hops)
        if model.parents and hops:
            parent = self.models.get(model.parents[0])
            kind = "integer" if parent is None else self._primary_key(parent, hops - 1)[1]
            return f"{model.parents[0][1]}_ptr_id", kind
        return "id", self.apps.id_type(model.path)


def draft_tables(models: DjangoModels) -> SchemaDraft:
    """The tables of all models that have one."""
    draft = SchemaDraft()
    for model in models.models.values():
        if model.is_proxy or model.path.startswith(KNOWN_FOLDER):
            continue
        draft.add_table(_table(models, model))
        for one in model.fields.values():
            if one.kind in TO_MANY and one.through is None and one.target is not None:
                draft.add_table(_joining_table(models, model, one, one.target))
    return draft


def _table(models: DjangoModels, model: DjangoModel) -> TableDraft:
    managed = truth(model.meta.get("managed"), otherwise=True)
    table = TableDraft(model.table, model.path, model.line, is_doubtful=model.is_doubtful or not managed)
    name, kind = models.primary_key(model.key)
    table.primary_key = (name,)
    if not any(one.is_primary_key for one in model.fields.values()):
        raw = "OneToOneField" if model.parents else "AutoField"
        table.add_column(Column(name, kind, raw, False, None, model.path, model.line))
        for parent in model.parents[:1]:
            table.foreign_keys.append(_reference(models, table, name, parent, "cascade", model.line))
    for one in model.fields.values():
        _add_field(models, table, one)
    django_keys.add_keys(table, model.meta, model.fields, model.constants, model.key)
    return table


def _add_field(models: DjangoModels, table: TableDraft, one: DjangoField) -> None:
    if one.kind in TO_MANY or one.kind in WITHOUT_COLUMN:
        return
    column = column_of(one, models.column_type(one))
    if one.kind in AUTO and not one.is_primary_key:
        table.is_doubtful = True
    table.is_doubtful |= one.is_guess and column.type == "unknown"
    table.add_column(column)
    if one.kind == "MoneyField":
        table.add_column(Column(f"{one.name}_currency", "varchar(3)", "CurrencyField", False, None, one.path, one.line))
    if one.target is not None and one.kind in TO_ONE:
        aimed = string(one.options.get("to_field"), one.constants)
        reference = _reference(models, table, column.name, one.target, one.on_delete, one.line, one.path)
        constraint = truth(one.options.get("db_constraint"), otherwise=True)
        to_columns = (aimed,) if aimed else reference.to_columns
        table.foreign_keys.append(
            ForeignKey(
                reference.columns, reference.table, to_columns, one.on_delete, one.path, one.line, None, constraint
            )
        )


def _reference(
    models: DjangoModels,
    table: TableDraft,
    column: str,
    target: ModelKey,
    on_delete: str | None,
    line: int,
    path: str | None = None,
) -> ForeignKey:
    to_column = models.primary_key(target)[0]
    return ForeignKey((column,), models.table_of(target), (to_column,), on_delete, path or table.path, line)


def _joining_table(models: DjangoModels, model: DjangoModel, one: DjangoField, target: ModelKey) -> TableDraft:
    """The table of a many-to-many relation that Django makes itself."""
    name = string(one.options.get("db_table"), one.constants) or f"{model.table}_{one.name}"
    table = TableDraft(name, one.path, one.line, primary_key=("id",))
    ends = [(model.key[1], model.key), (target[1], target)]
    if models.concrete(target) == model.key:
        ends = [(f"from_{model.key[1]}", model.key), (f"to_{model.key[1]}", target)]
    table.add_column(Column("id", models.apps.id_type(model.path), "AutoField", False, None, one.path, one.line))
    for end, key in ends:
        column = f"{end}_id"
        kind = models.primary_key(key)[1]
        table.add_column(Column(column, kind, "ForeignKey", False, None, one.path, one.line))
        table.foreign_keys.append(_reference(models, table, column, key, "cascade", one.line, one.path))
        table.keys.append(Index(None, (column,), False, None, one.path, one.line))
    table.keys.append(Index(None, tuple(f"{end}_id" for end, _ in ends), True, None, one.path, one.line))
    return table
