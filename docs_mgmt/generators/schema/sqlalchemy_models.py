"""SQLAlchemy's mapped classes and tables: columns of mixins, names of tables, inheritance in one table."""

import ast
from dataclasses import dataclass, field, replace
from typing import TypeVar

from docs_mgmt.generators.schema.django_known import KNOWN_FOLDER
from docs_mgmt.generators.schema.drafts import SchemaDraft, TableDraft
from docs_mgmt.generators.schema.naming import snake
from docs_mgmt.generators.schema.python_names import PythonProject
from docs_mgmt.generators.schema.python_source import (
    PythonClass,
    dotted,
    keywords,
    parse_python,
    read_module,
    string,
    text_of,
    truth,
)
from docs_mgmt.generators.schema.shapes import Column, Index
from docs_mgmt.generators.schema.sqlalchemy_columns import NO_COLUMNS, Origin, add_column, add_item, column_call
from docs_mgmt.generators.schema.sqlalchemy_known import KNOWN_MODULES

Placed = TypeVar("Placed", Column, Index)
MAX_BASES = 30  # of a chain


@dataclass(slots=True)
class MappedTables:
    """The tables by path of the file that declares them, and by the class that is mapped to them."""

    project: PythonProject
    drafts: dict[str, SchemaDraft] = field(default_factory=dict)
    of_class: dict[tuple[str, str], TableDraft] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def gather_tables(project: PythonProject) -> list[TableDraft]:
    """All tables of the project."""
    for module_name, text in KNOWN_MODULES.items():
        path = f"{KNOWN_FOLDER}/{module_name.replace('.', '/')}.py"
        project.add(read_module(path, parse_python(text)))
    found = MappedTables(project)
    tables: list[TableDraft] = []
    for module in project.modules.values():
        for value in module.constants.values():
            table = _core_table(value, Origin(module.path, module.constants))
            tables += [] if table is None else [table]
        for one in module.classes.values():
            name = _table_name(project, one)
            if name is not None:
                table = TableDraft(name, one.path, one.line)
                found.of_class[(one.path, one.name)] = table
                found.names.setdefault(one.name, name)
                tables.append(table)
    for (path, name), table in found.of_class.items():
        one = project.modules[path].classes[name]
        _fill(project, one, table)
        foreign = [base for base in _ancestors(project, one) if isinstance(base, str)]
        table.is_doubtful = any(base.endswith("Mixin") and not base.startswith("sqlalchemy") for base in foreign)
    _add_children(found)
    for table in tables:
        table.columns = {key: _placed(column, table) for key, column in table.columns.items()}
        table.keys = [_placed(key, table) for key in table.keys]
        table.foreign_keys = [replace(key, table=_named(key.table, found.names)) for key in table.foreign_keys]
    return [table for table in tables if table.columns]


def _placed(one: Placed, table: TableDraft) -> Placed:
    """A column or key of a mixin that is known by heart is where the class is."""
    return replace(one, path=table.path, line=table.line) if one.path.startswith(KNOWN_FOLDER) else one


def _named(target: str, names: dict[str, str]) -> str:
    """The table of a class that a reference names."""
    return (
        names.get(target.removeprefix("class ").rpartition(".")[2], target) if target.startswith("class ") else target
    )


def _core_table(value: ast.expr, origin: Origin) -> TableDraft | None:
    if not isinstance(value, ast.Call) or dotted(value.func).rpartition(".")[2] != "Table":
        return None
    name = string(value.args[0], origin.constants) if value.args else None
    if name is None or len(value.args) < 2:  # a name and something in it
        return None
    schema = string(keywords(value).get("schema"), origin.constants)
    table = TableDraft(f"{schema}.{name}" if schema and schema != "public" else name, origin.path, value.lineno)
    for argument in value.args[1:]:
        add_item(table, argument, origin)
    return table


def _bases(project: PythonProject, one: PythonClass) -> list[PythonClass | str]:
    module = project.modules[one.path]
    return [project.class_named(module, name) for name in map(dotted, one.bases) if name]


def _values(one: PythonClass) -> dict[str, ast.expr]:
    return {assigned.name: assigned.value for assigned in one.assignments if assigned.value is not None}


def _table_name(project: PythonProject, one: PythonClass) -> str | None:
    """The name of the table that a class has for itself; None of a mixin, an abstract class, a child in one table."""
    values = _values(one)
    if truth(values.get("__abstract__")):
        return None
    name = string(values.get("__tablename__"), project.modules[one.path].constants)
    if name is None and "__tablename__" not in values:
        name = _implicit_name(project, one)
    if name is None:
        return None
    schema = _schema(project, one)
    return f"{schema}.{name}" if schema and schema != "public" else name


def _implicit_name(project: PythonProject, one: PythonClass) -> str | None:
    """The name by the rule of a base: its own function, SQLModel's, Flask-SQLAlchemy's."""
    is_sqlmodel = truth(one.keywords.get("table"))
    bases = _ancestors(project, one)
    mapped = [base for base in bases if isinstance(base, PythonClass) and string(_values(base).get("__tablename__"))]
    if mapped and not is_sqlmodel:
        return None  # in the table of its parent
    for base in bases:
        rule = base.attributes.get("__tablename__") if isinstance(base, PythonClass) else None
        if rule is not None:
            return _by_rule(rule, one.name) if _declares_columns(project, one) else None
    if is_sqlmodel:
        return one.name.lower()
    is_flask = any(isinstance(base, str) and base.endswith(("db.Model", "SQLAlchemy.Model")) for base in bases)
    return snake(one.name) if is_flask and _declares_columns(project, one) else None


def _by_rule(rule: ast.expr, name: str) -> str:
    written = text_of(rule)
    plain = snake(name) if "__name__)" in written or "sub(" in written else name
    lowered = plain.lower() if ".lower()" in written else plain
    return f"{lowered}s" if "}s" in written or "+ 's'" in written else lowered


def _declares_columns(project: PythonProject, one: PythonClass) -> bool:
    return any(
        column_call(assigned.value) is not None or _is_mapped(assigned.annotation) for assigned in one.assignments
    )


def _ancestors(project: PythonProject, one: PythonClass) -> list[PythonClass | str]:
    """All classes that it derives from, the nearest first."""
    found: list[PythonClass | str] = []
    waiting: list[PythonClass | str] = _bases(project, one)
    while waiting and len(found) < MAX_BASES:
        base = waiting.pop(0)
        if base is one or base in found:
            continue
        found.append(base)
        waiting += _bases(project, base) if isinstance(base, PythonClass) else []
    return found


def _schema(project: PythonProject, one: PythonClass) -> str | None:
    arguments = _values(one).get("__table_args__")
    last = arguments.elts[-1] if isinstance(arguments, ast.Tuple) and arguments.elts else arguments
    if not isinstance(last, ast.Dict):
        return None
    pairs = zip(last.keys, last.values, strict=True)
    constants = project.modules[one.path].constants
    return next((string(value, constants) for key, value in pairs if string(key) == "schema"), None)


def _fill(project: PythonProject, one: PythonClass, table: TableDraft) -> None:
    """Add the columns of the mixins, then those of the class itself; of a mapped base none."""
    origin = Origin(one.path)
    for base in [*reversed(_ancestors(project, one)), one]:
        if isinstance(base, PythonClass) and (base is one or _table_name(project, base) is None):
            origin.path, origin.constants = base.path, project.modules[base.path].constants
            _add_columns(project, base, table, origin)
    for base in [*reversed(_ancestors(project, one)), one]:
        if isinstance(base, PythonClass):
            origin.path, origin.constants = base.path, project.modules[base.path].constants
            arguments = _values(base).get("__table_args__")
            for item in arguments.elts if isinstance(arguments, ast.Tuple | ast.List) else []:
                add_item(table, item, origin)


def _add_columns(project: PythonProject, one: PythonClass, table: TableDraft, origin: Origin) -> None:
    is_sqlmodel = any(isinstance(base, str) and base.endswith("SQLModel") for base in [*_ancestors(project, one)])
    for assigned in one.assignments:
        call = column_call(assigned.value) or _made(project, one, assigned.value)
        annotation = assigned.annotation if _is_mapped(assigned.annotation) or is_sqlmodel else None
        if assigned.name.startswith("__") or _is_no_column(assigned.value):
            continue
        if call is not None and dotted(call.func).endswith("Field"):
            inner = column_call(keywords(call).get("sa_column"))
            call = inner or call
        if call is not None or (annotation is not None and not _is_relation(annotation)):
            shared = _shared(project, one, assigned.annotation)
            add_column(table, call or shared, assigned.name, annotation, origin, assigned.line)


def _made(project: PythonProject, one: PythonClass, value: ast.expr | None) -> ast.Call | None:
    """The column that a function of the project makes."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name):
        return None
    return column_call(project.constant_named(project.modules[one.path], value.func.id))


def _shared(project: PythonProject, one: PythonClass, annotation: ast.expr | None) -> ast.Call | None:
    """The column that an annotation brings along: `Mapped[key]`, where `key = Annotated[int, mapped_column(…)]`."""
    if not isinstance(annotation, ast.Subscript):
        return None
    value = project.constant_named(project.modules[one.path], dotted(annotation.slice))
    inner = value.slice if isinstance(value, ast.Subscript) and dotted(value.value).endswith("Annotated") else None
    calls = [column_call(part) for part in inner.elts] if isinstance(inner, ast.Tuple) else []
    return next((call for call in calls if call is not None), None)


def _is_mapped(annotation: ast.expr | None) -> bool:
    return isinstance(annotation, ast.Subscript) and dotted(annotation.value).rpartition(".")[2] == "Mapped"


def _is_no_column(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        return dotted(value.func).rpartition(".")[2] in NO_COLUMNS
    return value is not None and column_call(value) is None and isinstance(value, ast.Lambda | ast.Dict | ast.List)


def _is_relation(annotation: ast.expr) -> bool:
    """Whether an annotation alone can be no column: a list of others, a value of the class."""
    return "ClassVar" in text_of(annotation) or "WriteOnlyMapped" in text_of(annotation)


def _add_children(found: MappedTables) -> None:
    """Columns of classes without a table of their own go to that of the class they derive from."""
    for module in found.project.modules.values():
        for one in module.classes.values():
            if (one.path, one.name) in found.of_class or truth(_values(one).get("__abstract__")):
                continue
            keys = [(base.path, base.name) for base in _ancestors(found.project, one) if isinstance(base, PythonClass)]
            table = next((found.of_class[key] for key in keys if key in found.of_class), None)
            if table is not None:
                known = dict(table.columns)
                for base in [*reversed(_ancestors(found.project, one)), one]:
                    if isinstance(base, PythonClass) and (base.path, base.name) not in found.of_class:
                        constants = found.project.modules[base.path].constants
                        _add_columns(found.project, base, table, Origin(base.path, constants))
                table.columns |= known
