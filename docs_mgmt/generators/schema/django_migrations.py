"""Django migrations replayed: the models that the operations of all files add up to."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from docs_mgmt.generators.schema.django_apps import DjangoApps
from docs_mgmt.generators.schema.django_fields import TO_MANY, TO_ONE, DjangoField, make_field
from docs_mgmt.generators.schema.django_models import field_kind, named_target
from docs_mgmt.generators.schema.django_tables import DjangoModel, DjangoModels, ModelKey
from docs_mgmt.generators.schema.files import folder
from docs_mgmt.generators.schema.python_names import PythonProject
from docs_mgmt.generators.schema.python_source import (
    PythonModule,
    assignments,
    dotted,
    keywords,
    read_module,
    string,
    truth,
)

MigrationKey = tuple[str, str]


@dataclass(slots=True)
class Migration:
    """A file of operations: `after` are the migrations that it needs, `replaces` those that it stands for."""

    app: str
    name: str
    path: str
    operations: list[ast.expr] = field(default_factory=list)
    after: list[MigrationKey] = field(default_factory=list)
    replaces: list[MigrationKey] = field(default_factory=list)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> MigrationKey:
        return (self.app, self.name)


def replay_migrations(trees: dict[str, ast.Module], apps: DjangoApps, project: PythonProject) -> DjangoModels:
    """The models after all migrations; what an operation says of an unknown model is passed over."""
    models = DjangoModels(apps)
    for migration in _ordered([_read(path, tree, apps) for path, tree in sorted(trees.items())]):
        replay = _Replay(models, migration, project)
        for operation in migration.operations:
            replay.apply(operation)
    return models


def _read(path: str, tree: ast.Module, apps: DjangoApps) -> Migration:
    home = folder(folder(path))
    label = apps.labels.get(home) or home.rpartition("/")[2]
    migration = Migration(label.lower(), path.rpartition("/")[2].removesuffix(".py"), path)
    module = read_module(path, tree)
    migration.constants, migration.imports = module.constants, module.imports
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Migration":
            for inner in ast.iter_child_nodes(node):
                _take(migration, inner)
    return migration


def _take(migration: Migration, node: ast.AST) -> None:
    if isinstance(node, ast.AugAssign) and dotted(node.target) == "operations":
        migration.operations += _elements(node.value)
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return
    for one in assignments(node):
        if one.value is None:
            continue
        if one.name == "operations":
            migration.operations += _elements(one.value)
        elif one.name in {"dependencies", "replaces"}:
            pairs = [_pair(element) for element in _elements(one.value)]
            (migration.after if one.name == "dependencies" else migration.replaces).extend(filter(None, pairs))


def _elements(node: ast.expr) -> list[ast.expr]:
    """The elements of a list, also of a sum of lists."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_elements(node.left), *_elements(node.right)]
    return list(node.elts) if isinstance(node, ast.List | ast.Tuple) else []


def _pair(node: ast.expr) -> MigrationKey | None:
    if not isinstance(node, ast.Tuple) or len(node.elts) != 2:
        return None
    app, name = map(string, node.elts)
    return None if app is None or name is None else (app.lower(), name)


def _ordered(migrations: list[Migration]) -> Iterator[Migration]:
    """Each after those that it needs, else by app and name; a squashed one only where what it stands for is gone."""
    by_key = {one.key: one for one in migrations}
    squashed = {one.key for one in migrations if any(key in by_key for key in one.replaces)}
    stands_for = {key: one.key for one in migrations if one.key not in squashed for key in one.replaces}
    done: set[MigrationKey] = set()
    for first in sorted(by_key.keys() - squashed):
        waiting = [(first, False)]
        while waiting:
            key, is_ready = waiting.pop()
            key = stands_for.get(key, key)
            if is_ready:
                yield by_key[key]
            elif key in by_key and key not in done:
                done.add(key)
                waiting.append((key, True))
                waiting += [(needed, False) for needed in reversed(_needed(by_key, squashed, by_key[key]))]


def _needed(
    by_key: dict[MigrationKey, Migration], squashed: set[MigrationKey], migration: Migration
) -> list[MigrationKey]:
    """What must come before: instead of a squashed migration that is left out, all that it stands for."""
    needed: list[MigrationKey] = []
    for key in migration.after:
        needed += by_key[key].replaces if key in squashed else [key]
    return needed


class _Replay:
    """The operations of one migration, applied to the models."""

    def __init__(self, models: DjangoModels, migration: Migration, project: PythonProject) -> None:
        self.models = models
        self.migration = migration
        self.project = project
        self.module = PythonModule(migration.path, imports=migration.imports)

    def apply(self, node: ast.expr) -> None:
        """Apply an operation; of database and state apart, the state is what models see."""
        if not isinstance(node, ast.Call):
            return
        kind, options = dotted(node.func).rpartition(".")[2], keywords(node)
        names = _POSITIONS.get(kind, ())
        for name, value in zip(names, node.args, strict=False):
            options.setdefault(name, value)
        if kind == "SeparateDatabaseAndState" or "state_operations" in options:
            for inner in _elements(options.get("state_operations", ast.List([]))):
                self.apply(inner)
            return
        handler = getattr(self, f"_{kind}", None) if kind in _POSITIONS else None
        if handler is not None:
            handler(options, node.lineno)

    def _text(self, options: dict[str, ast.expr], name: str) -> str:
        return string(options.get(name), self.migration.constants) or ""

    def _model(self, options: dict[str, ast.expr], name: str = "model_name") -> DjangoModel | None:
        return self.models.models.get((self.migration.app, self._text(options, name).lower()))

    def _CreateModel(self, options: dict[str, ast.expr], line: int) -> None:  # noqa: N802 # as Django calls it
        model = DjangoModel(self.migration.app, self._text(options, "name"), self.migration.path, line)
        model.constants = self.migration.constants
        for element in _elements(options.get("fields", ast.List([]))):
            if isinstance(element, ast.Tuple) and len(element.elts) == 2:
                self._set_field(model, string(element.elts[0]) or "", element.elts[1])
        model.meta = _dictionary(options.get("options"))
        model.is_proxy = truth(model.meta.get("proxy"))
        model.parents = _parents(options.get("bases"), model.key)
        if not model.is_proxy and any(one.is_primary_key for one in model.fields.values()):
            model.parents = []  # its pointer is among the fields
        self.models.add(model)

    def _DeleteModel(self, options: dict[str, ast.expr], line: int) -> None:  # noqa: N802
        self.models.models.pop((self.migration.app, self._text(options, "name").lower()), None)

    def _RenameModel(self, options: dict[str, ast.expr], line: int) -> None:  # noqa: N802
        model = self._model(options, "old_name")
        if model is None:
            return
        old = model.key
        del self.models.models[old]
        model.name = self._text(options, "new_name")
        self.models.add(model)
        for other in self.models.models.values():
            other.parents = [model.key if key == old else key for key in other.parents]
            for one in other.fields.values():
                one.target = model.key if one.target == old else one.target
                one.through = model.key if one.through == old else one.through

    def _AddField(self, options: dict[str, ast.expr], line: int) -> None:  # noqa: N802
        model = self._model(options)
        if model is not None and "field" in options:
            self._set_field(model, self._text(options, "name"), options["field"])

    _AlterField = _AddField

    def _RemoveField(self, options: dict[str, ast.expr], line: int) -> None:  # noqa: N802
        model = self._model(options)
        if model is not None:
            model.fields.pop(self._text(options, "name"), None)

    def _RenameField(self, options: dict[str, ast.expr], line: int) -> None:  # noqa: N802
        model = self._model(options)
        if model is None:
            return
        old, new = self._text(options, "old_name"), self._text(options, "new_name")
        model.fields = {
            new if name == old else name: replace(one, name=new) if name == old else one
            for name, one in model.fields.items()
        }
        for option in ("unique_together", "index_together"):
            if option in model.meta:
                model.meta[option] = _with_renamed(model.meta[option], old, new)

    def _AlterModelTable(self, options: dict[str, ast.expr], line: int) -> None:  # noqa: N802
        self._set_option(options, "db_table", "table")

    def _AlterUniqueTogether(self, options: dict[str, ast.expr], line: int) -> None:  # noqa: N802
        self._set_option(options, "unique_together", "unique_together")

    def _AlterIndexTogether(self, options: dict[str, ast.expr], line: int) -> None:  # noqa: N802
        self._set_option(options, "index_together", "index_together")

    def _set_option(self, options: dict[str, ast.expr], option: str, source: str) -> None:
        model = self._model(options, "name")
        if model is not None and source in options:
            model.meta[option] = options[source]

    def _AlterModelOptions(self, options: dict[str, ast.expr], line: int) -> None:  # noqa: N802
        model = self._model(options, "name")
        if model is not None:
            model.meta |= {
                name: value for name, value in _dictionary(options.get("options")).items() if name == "managed"
            }

    def _AddIndex(self, options: dict[str, ast.expr], line: int) -> None:  # noqa: N802
        self._add_key(options, "indexes", "index")

    def _AddConstraint(self, options: dict[str, ast.expr], line: int) -> None:  # noqa: N802
        self._add_key(options, "constraints", "constraint")

    def _add_key(self, options: dict[str, ast.expr], option: str, source: str) -> None:
        model = self._model(options)
        if model is not None and source in options:
            present = _elements(model.meta.get(option, ast.List([])))
            model.meta[option] = ast.List([*present, options[source]])

    def _RemoveIndex(self, options: dict[str, ast.expr], line: int) -> None:  # noqa: N802
        self._remove_key(options, "indexes")

    def _RemoveConstraint(self, options: dict[str, ast.expr], line: int) -> None:  # noqa: N802
        self._remove_key(options, "constraints")

    def _remove_key(self, options: dict[str, ast.expr], option: str) -> None:
        model = self._model(options)
        if model is None:
            return
        name = self._text(options, "name")
        kept = [
            one
            for one in _elements(model.meta.get(option, ast.List([])))
            if not (isinstance(one, ast.Call) and string(keywords(one).get("name"), model.constants) == name)
        ]
        model.meta[option] = ast.List(kept)

    def _set_field(self, model: DjangoModel, name: str, call: ast.expr) -> None:
        kind = field_kind(self.project, self.module, dotted(call))
        if not isinstance(call, ast.Call) or not name or kind is None:
            return
        field_ = make_field(name, kind, call, self.migration.path, call.lineno, self.migration.constants)
        if field_.kind in TO_ONE or field_.kind in TO_MANY:
            field_.target = self._target(field_, model, "to", position=0)
            if "through" in field_.options:
                field_.through = self._target(field_, model, "through", position=None)
        model.fields[name] = field_

    def _target(self, one: DjangoField, model: DjangoModel, option: str, position: int | None) -> ModelKey | None:
        node = one.options.get(option)
        if node is None and position is not None and len(one.call.args) > position:
            node = one.call.args[position]
        if node is None:
            return None
        if dotted(node).endswith("AUTH_USER_MODEL"):
            return self.models.apps.user
        text = string(node, self.migration.constants)
        return None if text is None else named_target(text, model.key)


_POSITIONS = {
    "CreateModel": ("name", "fields", "options", "bases"), "DeleteModel": ("name",),
    "RenameModel": ("old_name", "new_name"), "AddField": ("model_name", "name", "field"),
    "AlterField": ("model_name", "name", "field"), "RemoveField": ("model_name", "name"),
    "RenameField": ("model_name", "old_name", "new_name"), "AlterModelTable": ("name", "table"),
    "AlterUniqueTogether": ("name", "unique_together"), "AlterIndexTogether": ("name", "index_together"),
    "AlterModelOptions": ("name", "options"), "AddIndex": ("model_name", "index"),
    "RemoveIndex": ("model_name", "name"), "AddConstraint": ("model_name", "constraint"),
    "RemoveConstraint": ("model_name", "name"), "SeparateDatabaseAndState": ("database_operations", "state_operations"),
}  # fmt: skip


def _dictionary(node: ast.expr | None) -> dict[str, ast.expr]:
    if not isinstance(node, ast.Dict):
        return {}
    pairs = [(string(key), value) for key, value in zip(node.keys, node.values, strict=True)]
    return {key: value for key, value in pairs if key is not None}


def _parents(node: ast.expr | None, own: ModelKey) -> list[ModelKey]:
    names = [string(one) for one in _elements(node)] if node is not None else []
    return [named_target(name, own) for name in names if name]


def _with_renamed(node: ast.expr, old: str, new: str) -> ast.expr:
    """The same groups of names, one of them renamed."""
    if isinstance(node, ast.Constant) and node.value == old:
        return ast.copy_location(ast.Constant(new), node)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return ast.copy_location(type(node)([_with_renamed(one, old, new) for one in node.elts]), node)
    if isinstance(node, ast.Call) and node.args:
        return _with_renamed(node.args[0], old, new)
    return node
