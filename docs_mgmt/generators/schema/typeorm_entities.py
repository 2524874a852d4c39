"""Tables of TypeORM's entities: columns, relations, embedded classes, and the tables of many-to-many ones."""

import re
from dataclasses import dataclass, field

from docs_mgmt.generators.schema.drafts import ForeignKey, SchemaDraft, TableDraft
from docs_mgmt.generators.schema.naming import snake
from docs_mgmt.generators.schema.shapes import Check, Column, Index
from docs_mgmt.generators.schema.trees import Value, number, words, written
from docs_mgmt.generators.schema.typescript_classes import Decorator, Property, TypeScriptClass

MAX_BASES = 20  # of a chain, and of embedded classes
ENTITY = ("Entity", "ChildEntity", "ViewEntity")
DATES = {"CreateDateColumn": False, "UpdateDateColumn": False, "DeleteDateColumn": True}
"""Columns of moments, and whether they may be null."""
COLUMNS = ("Column", "PrimaryColumn", "PrimaryGeneratedColumn", "VersionColumn", *DATES)
TYPES = {"string": "varchar", "number": "integer", "boolean": "boolean", "Date": "timestamp", "Buffer": "binary",
         "bigint": "bigint", "object": "json", "any": "unknown"}  # fmt: skip


@dataclass(slots=True)
class Entities:
    """The classes of a project by name; `is_snake` where a naming strategy writes names in snake case."""

    classes: dict[str, TypeScriptClass] = field(default_factory=dict)
    is_snake: bool = False
    embeddings_left: int = 5_000  # embedded classes that are still followed

    def chain(self, one: TypeScriptClass) -> list[TypeScriptClass]:
        """The classes that it extends, the furthest first, then itself."""
        found = [one]
        while len(found) < MAX_BASES:
            base = self.classes.get(found[0].base.partition("<")[0])
            if base is None or base in found:
                break
            found.insert(0, base)
        return found

    def properties(self, one: TypeScriptClass) -> list[tuple[TypeScriptClass, Property]]:
        """All properties, an own one in the place of an inherited one."""
        found: dict[str, tuple[TypeScriptClass, Property]] = {}
        for owner in self.chain(one):
            found |= {each.name: (owner, each) for each in owner.properties if each.decorators}
        return list(found.values())

    def table_name(self, one: TypeScriptClass) -> str:
        parent = self.table_owner(one)
        entity = parent.decorator(*ENTITY)
        given = None if entity is None else entity.text() or entity.options.get("name")
        name = given if isinstance(given, str) else snake(parent.name)
        schema = None if entity is None else entity.options.get("schema")
        return f"{schema}.{name}" if isinstance(schema, str) and schema != "public" else name

    def table_owner(self, one: TypeScriptClass) -> TypeScriptClass:
        """The class whose table it is in: of a child in one table the parent."""
        if one.decorator("ChildEntity") is None:
            return one
        return next((base for base in self.chain(one) if base.decorator("Entity")), one)

    def column_name(self, name: str, options: dict[str, Value]) -> str:
        given = options.get("name")
        return given if isinstance(given, str) else snake(name) if self.is_snake else name

    def key(self, name: str | None) -> tuple[str, str]:
        """Name and type of the primary key of a class."""
        one = self.classes.get(name or "")
        for _, each in self.properties(one) if one is not None else []:
            decorator = each.decorator("PrimaryGeneratedColumn", "PrimaryColumn")
            if decorator is not None:
                return self.column_name(each.name, decorator.options), column_type(decorator, each)
        return "id", "integer"


def draft_entities(entities: Entities, draft: SchemaDraft) -> None:
    """Add the tables of all entities."""
    for one in entities.classes.values():
        if one.decorator("Entity", "ChildEntity") is None:
            continue
        name = entities.table_name(one)
        table = draft.table(name)
        if table is None:
            table = TableDraft(name, one.path, one.line)
            draft.add_table(table)
        _fill(entities, table, one)
    for one in entities.classes.values():
        for owner, each in entities.properties(one) if one.decorator("Entity", "ChildEntity") else []:
            joining = _joining_table(entities, one, owner, each)
            if joining is not None:
                draft.add_table(joining)


def _fill(entities: Entities, table: TableDraft, one: TypeScriptClass) -> None:
    inheritance = one.decorator("TableInheritance")
    found = entities.properties(one)
    for owner, each in found:
        _add(entities, table, owner, each, "", MAX_BASES)
    for owner, each in found:
        relation = each.decorator("ManyToOne", "OneToOne", "TreeParent")
        if relation is not None:
            _add_relation(entities, table, owner, each, relation)
    if inheritance is not None:
        column = inheritance.options.get("column")
        name = column.get("name") if isinstance(column, dict) else column
        kind = Column(str(name or "type"), "varchar", "TableInheritance", False, None, one.path, inheritance.line)
        table.add_column(kind)
    for owner in entities.chain(one):
        for decorator in owner.decorators:
            _add_key(table, owner, decorator, {each.name: _name_of(entities, each) for _, each in found})


def _name_of(entities: Entities, each: Property) -> str:
    column = each.decorator(*COLUMNS)
    relation = each.decorator("ManyToOne", "OneToOne", "TreeParent")
    if column is None and relation is not None:
        return _relation_column(entities, each, relation)
    return entities.column_name(each.name, {} if column is None else column.options)


def _add(entities: Entities, table: TableDraft, owner: TypeScriptClass, each: Property, prefix: str, hops: int) -> None:
    decorator = each.decorator(*COLUMNS)
    if decorator is None or not hops:
        return
    embedded = entities.classes.get(decorator.target or "") if decorator.name == "Column" else None
    if embedded is not None:
        _embed(entities, table, each, decorator, embedded, hops)
        return
    name = entities.column_name(each.name, decorator.options)
    if prefix:
        name = f"{prefix}_{name}" if entities.is_snake else prefix + name[:1].upper() + name[1:]
    table.add_column(_column(decorator, owner, each, name))
    if decorator.name.startswith("Primary") or decorator.options.get("primary") is True:
        table.primary_key = (*table.primary_key, name) if name not in table.primary_key else table.primary_key
    for mark in each.decorators:
        if mark.name in {"Index", "Unique"} or (mark is decorator and mark.options.get("unique") is True):
            unique = mark.options.get("unique") is True or mark.name == "Unique"
            table.keys.append(Index(mark.text(), (name,), unique, None, owner.path, mark.line))


def _embed(
    entities: Entities, table: TableDraft, each: Property, decorator: Decorator, embedded: TypeScriptClass, hops: int
) -> None:
    """Add the columns of a class that is part of the row."""
    if not entities.embeddings_left:
        table.is_doubtful = True
        return
    entities.embeddings_left -= 1
    given = decorator.options.get("prefix", each.name)
    for owner, inner in entities.properties(embedded):
        _add(entities, table, owner, inner, "" if given is False else str(given), hops - 1)


def _column(decorator: Decorator, owner: TypeScriptClass, each: Property, name: str) -> Column:
    options = decorator.options
    nullable = options.get("nullable") is True or DATES.get(decorator.name, False)
    default = written(options.get("default"))
    kind = column_type(decorator, each)
    return Column(name, kind, each.type or kind, nullable, default, owner.path, each.line)


def column_type(decorator: Decorator, each: Property) -> str:
    """The type that is given, else the one that TypeORM takes for the type of the property."""
    options = decorator.options
    given = decorator.text() or options.get("type")
    if not isinstance(given, str) or decorator.name == "PrimaryGeneratedColumn":
        given = _implied(decorator, each)
    sizes = [
        str(number(options[key])) for key in ("length", "precision", "scale") if number(options.get(key)) is not None
    ]
    length = options.get("length")
    sizes = [length] if isinstance(length, str) else sizes
    base = {"timestamp with time zone": "timestamptz", "simple-json": "json", "simple-array": "text"}.get(given, given)
    sized = f"{base}({','.join(sizes)})" if sizes else base
    return f"{sized}[]" if options.get("array") is True else sized


def _implied(decorator: Decorator, each: Property) -> str:
    if decorator.name == "PrimaryGeneratedColumn":
        given = decorator.options.get("type")
        return "uuid" if decorator.text() == "uuid" else given if isinstance(given, str) else "integer"
    if decorator.name in DATES:
        return "timestamp"
    if decorator.name == "VersionColumn":
        return "integer"
    return "enum" if "enum" in decorator.options else _of_property(each)


def _of_property(each: Property) -> str:
    bare = re.sub(r"\s*\|\s*(?:null|undefined)\b|\b(?:null|undefined)\s*\|\s*", "", each.type).strip()
    return TYPES.get(bare, "unknown")


def _relation_column(entities: Entities, each: Property, relation: Decorator) -> str:
    join = each.decorator("JoinColumn")
    given = None if join is None else join.options.get("name")
    if isinstance(given, str):
        return given
    key = entities.key(relation.target)[0]
    return snake(f"{each.name}_{key}") if entities.is_snake else each.name + key[:1].upper() + key[1:]


def _add_relation(
    entities: Entities, table: TableDraft, owner: TypeScriptClass, each: Property, relation: Decorator
) -> None:
    join = each.decorator("JoinColumn")
    target = entities.classes.get(relation.target or owner.name)
    if (relation.name == "OneToOne" and join is None) or target is None:
        return
    key, kind = entities.key(target.name)
    name = _relation_column(entities, each, relation)
    nullable = relation.options.get("nullable") is not False and not each.decorator("PrimaryColumn")
    if table.column(name) is None:
        table.add_column(Column(name, kind, each.type, nullable, None, owner.path, each.line))
    aimed = None if join is None else join.options.get("referencedColumnName")
    delete = relation.options.get("onDelete")
    table.foreign_keys.append(
        ForeignKey(
            (name,),
            entities.table_name(target),
            (aimed if isinstance(aimed, str) else key,),
            delete.lower() if isinstance(delete, str) else None,
            owner.path,
            each.line,
            None,
            relation.options.get("createForeignKeyConstraints") is not False,
        )
    )
    if relation.name == "OneToOne":
        table.keys.append(Index(None, (name,), True, None, owner.path, each.line))


def _add_key(table: TableDraft, owner: TypeScriptClass, decorator: Decorator, names: dict[str, str]) -> None:
    """A key or a check that is said of the class."""
    lists = [one for one in decorator.arguments if isinstance(one, list)]
    columns = tuple(names.get(one, one) for one in words(lists[0])) if lists else ()
    if decorator.name in {"Index", "Unique"} and columns:
        unique = decorator.name == "Unique" or decorator.options.get("unique") is True
        where = decorator.options.get("where")
        condition = where if isinstance(where, str) else None
        table.keys.append(Index(decorator.text(), columns, unique, condition, owner.path, decorator.line))
    elif decorator.name == "Check" and decorator.arguments:
        rule = decorator.text(len(decorator.arguments) - 1) or ""
        table.checks.append(
            Check(decorator.text() if len(decorator.arguments) > 1 else None, rule, owner.path, decorator.line)
        )


def _joining_table(
    entities: Entities, one: TypeScriptClass, owner: TypeScriptClass, each: Property
) -> TableDraft | None:
    """The table of a many-to-many relation, where this side of it makes it."""
    relation, join = each.decorator("ManyToMany"), each.decorator("JoinTable")
    target = entities.classes.get(relation.target or "") if relation is not None else None
    if join is None or target is None:
        return None
    first, second = entities.table_name(one), entities.table_name(target)
    given = join.options.get("name") or join.text()
    name = given if isinstance(given, str) else snake(f"{first}_{each.name}_{second}")
    table = TableDraft(name, owner.path, each.line)
    for side, end, option in ((one, first, "joinColumn"), (target, second, "inverseJoinColumn")):
        key, kind = entities.key(side.name)
        said = join.options.get(option)
        column = said.get("name") if isinstance(said, dict) else None
        column = column if isinstance(column, str) else _joined(entities, end, key)
        table.add_column(Column(column, kind, side.name, False, None, owner.path, each.line))
        reference = ForeignKey((column,), end, (key,), "cascade", owner.path, each.line)
        table.foreign_keys.append(reference)
        table.keys.append(Index(None, (column,), False, None, owner.path, each.line))
    table.primary_key = tuple(column.name for column in table.columns.values())
    return table


def _joined(entities: Entities, end: str, key: str) -> str:
    parts = f"{end}_{key}".split("_")
    return (
        snake("_".join(parts))
        if entities.is_snake
        else parts[0] + "".join(one[:1].upper() + one[1:] for one in parts[1:])
    )
