"""Tables of Prisma's models: mapped names, native types, relations, and the tables of implicit many-to-many ones."""

from dataclasses import dataclass, field, replace
from typing import Self

from docs_mgmt.generators.schema.drafts import ForeignKey, SchemaDraft, TableDraft
from docs_mgmt.generators.schema.prisma_parser import PrismaAttribute, PrismaBlock, PrismaField
from docs_mgmt.generators.schema.shapes import Column, Index

POSTGRES = {"String": "text", "Boolean": "boolean", "Int": "integer", "BigInt": "bigint", "Float": "double",
            "Decimal": "numeric(65,30)", "DateTime": "timestamp(3)", "Json": "jsonb", "Bytes": "bytea"}  # fmt: skip
MYSQL = {**POSTGRES, "String": "varchar(191)", "Json": "json", "DateTime": "datetime(3)", "Bytes": "longblob"}
SQLITE = {**POSTGRES, "DateTime": "datetime", "Json": "json", "Bytes": "blob", "Decimal": "numeric"}
SQLSERVER = {**POSTGRES, "String": "nvarchar(1000)", "Json": "nvarchar(max)", "DateTime": "datetime2"}
TYPES = {"mysql": MYSQL, "sqlite": SQLITE, "sqlserver": SQLSERVER}
NATIVE = {"Timestamptz": "timestamptz", "DoublePrecision": "double precision", "Uuid": "uuid"}
ACTIONS = {"Cascade": "cascade", "SetNull": "set null", "Restrict": "restrict", "NoAction": "no action",
           "SetDefault": "set default"}  # fmt: skip


@dataclass(slots=True)
class PrismaSchema:
    """The models and enums of a schema; `enforces` is false where relations are Prisma's own matter."""

    provider: str = "postgresql"
    enforces: bool = True
    models: dict[str, PrismaBlock] = field(default_factory=dict)
    enums: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, blocks: list[PrismaBlock]) -> Self:
        """The schema of all blocks of its files."""
        schema = cls()
        for block in blocks:
            if block.kind == "datasource":
                schema.provider = block.settings.get("provider", "").strip('"') or schema.provider
                schema.enforces = "prisma" not in block.settings.get("relationMode", "")
            elif block.kind == "model":
                schema.models[block.name] = block
            elif block.kind == "enum":
                schema.enums[block.name] = mapped(block)
        return schema


def mapped(block: PrismaBlock) -> str:
    """The name in the database of a model or an enum."""
    given = block.attribute("map")
    return (given.text("name") if given is not None else None) or block.name


def draft_tables(schema: PrismaSchema, draft: SchemaDraft) -> None:
    """Add all tables to the draft."""
    for model in schema.models.values():
        draft.add_table(_table(schema, model))
    for model in schema.models.values():
        for one in model.fields:
            joining = _joining_table(schema, model, one)
            if joining is not None and draft.table(joining.name) is None:
                draft.add_table(joining)


def _table(schema: PrismaSchema, model: PrismaBlock) -> TableDraft:
    namespace = model.attribute("schema")
    prefix = namespace.text("name") if namespace is not None else None
    name = f"{prefix}.{mapped(model)}" if prefix and prefix != "public" else mapped(model)
    table = TableDraft(name, model.path, model.line)
    for one in model.fields:
        if one.type in schema.models:
            _add_relation(schema, table, model, one)
        else:
            _add_column(schema, table, model, one)
    for attribute in model.attributes:
        _add_key(table, model, attribute)
    return table


def _add_column(schema: PrismaSchema, table: TableDraft, model: PrismaBlock, one: PrismaField) -> None:
    name = column_name(one)
    default = one.attribute("default")
    is_key = one.attribute("id") is not None
    table.add_column(
        Column(
            name=name,
            type=_type(schema, one),
            raw_type=one.type + ("[]" if one.is_list else ""),
            nullable=(one.is_optional or one.is_list) and not is_key,
            default=None if default is None else default.value("value"),
            path=model.path,
            line=one.line,
        )
    )
    if is_key:
        table.primary_key = (name,)
    unique = one.attribute("unique")
    if unique is not None:
        table.keys.append(Index(unique.text("map", None), (name,), True, None, model.path, one.line))


def column_name(one: PrismaField) -> str:
    """The name in the database of a field."""
    given = one.attribute("map")
    return (given.text("name") if given is not None else None) or one.name


def _type(schema: PrismaSchema, one: PrismaField) -> str:
    """The type in the database: a native one that is given, else the usual one of the provider."""
    native = next((attribute for attribute in one.attributes if attribute.name.startswith("db.")), None)
    if native is not None:
        kind = native.name.removeprefix("db.")
        sizes = f"({','.join(native.positional)})" if native.positional else ""
        base = f"{NATIVE.get(kind, kind.lower())}{sizes}"
    elif one.type in schema.enums:
        base = f"enum {schema.enums[one.type]}"
    elif one.type.startswith("Unsupported"):
        base = one.type[len('Unsupported("') : -2].lower()
    else:
        base = TYPES.get(schema.provider, POSTGRES).get(one.type, one.type.lower())
    return f"{base}[]" if one.is_list else base


def _columns(model: PrismaBlock, names: tuple[str, ...]) -> tuple[str, ...]:
    fields = {one.name: column_name(one) for one in model.fields}
    return tuple(fields.get(name, name) for name in names)


def _add_key(table: TableDraft, model: PrismaBlock, attribute: PrismaAttribute) -> None:
    columns = _columns(model, attribute.names("fields"))
    if attribute.name == "id":
        table.primary_key = columns
    elif attribute.name in {"unique", "index", "fulltext"}:
        name = attribute.text("map", None) or attribute.text("name", None)
        table.keys.append(
            Index(name, columns, attribute.name == "unique", None, model.path, attribute.line or model.line)
        )


def _add_relation(schema: PrismaSchema, table: TableDraft, model: PrismaBlock, one: PrismaField) -> None:
    relation = one.attribute("relation")
    names = () if relation is None else relation.names("fields", None)
    if relation is None or not names:
        return
    target = schema.models[one.type]
    delete = relation.value("onDelete", None)
    optional = any(field.is_optional for field in model.fields if field.name in names)
    action = ACTIONS.get(delete) if delete else "set null" if optional else "restrict"
    table.foreign_keys.append(
        ForeignKey(
            _columns(model, names),
            mapped(target),
            _columns(target, relation.names("references", None)),
            action,
            model.path,
            one.line,
            relation.text("map", None),
            schema.enforces,
        )
    )


def _joining_table(schema: PrismaSchema, model: PrismaBlock, one: PrismaField) -> TableDraft | None:
    """The table of two lists that hold each other's models, neither of which names columns: `_AToB`."""
    if not one.is_list or one.type not in schema.models:
        return None
    other, name = schema.models[one.type], _relation_name(one)
    backs = [back for back in other.fields if back.type == model.name and back.is_list and _relation_name(back) == name]
    backs = [back for back in backs if back is not one] if other is model else backs
    if not backs or any(
        back.type == model.name and not back.is_list and _relation_name(back) == name for back in other.fields
    ):
        return None
    first, second = sorted([model, other], key=lambda block: block.name)
    table = TableDraft(f"_{name or f'{first.name}To{second.name}'}", model.path, one.line)
    for column, end in (("A", first), ("B", second)):
        key = next((field for field in end.fields if field.attribute("id")), None)
        kind = _type(schema, replace(key, is_list=False)) if key is not None else "unknown"
        table.add_column(Column(column, kind, end.name, False, None, model.path, one.line))
        aimed = (column_name(key),) if key is not None else ()
        table.foreign_keys.append(
            ForeignKey((column,), mapped(end), aimed, "cascade", model.path, one.line, None, schema.enforces)
        )
    table.keys.append(Index(None, ("A", "B"), True, None, model.path, one.line))
    return table


def _relation_name(one: PrismaField) -> str | None:
    relation = one.attribute("relation")
    return None if relation is None else relation.text("name")
