"""Django models as their files declare them: abstract bases and mixins resolved, only what really is a model."""

import ast
from dataclasses import dataclass, field, replace

from docs_mgmt.generators.schema.django_apps import DjangoApps
from docs_mgmt.generators.schema.django_fields import TO_MANY, DjangoField, looks_like_field, make_field
from docs_mgmt.generators.schema.django_known import KNOWN_FOLDER, KNOWN_MODULES
from docs_mgmt.generators.schema.django_tables import DjangoModel, DjangoModels, ModelKey
from docs_mgmt.generators.schema.python_names import PythonProject
from docs_mgmt.generators.schema.python_source import (
    PythonClass,
    PythonModule,
    dotted,
    parse_python,
    read_module,
    string,
    truth,
)

ROOT_MODELS = frozenset({"django.db.models.Model", "django.db.models.base.Model", "django.contrib.gis.db.models.Model"})
MAX_BASES = 30  # of a chain
MAX_ABSTRACT = 200  # bases of one model


@dataclass(slots=True)
class _Known:
    """What is settled about classes while models are gathered."""

    project: PythonProject
    models: DjangoModels
    verdicts: dict[tuple[str, str], bool] = field(default_factory=dict)
    metas: dict[tuple[str, int], dict[str, ast.expr]] = field(default_factory=dict)


def add_known_modules(project: PythonProject) -> None:
    """Let the project know the base classes that it takes from Django and well-known packages."""
    for name, text in KNOWN_MODULES.items():
        path = f"{KNOWN_FOLDER}/{name.replace('.', '/')}.py"
        project.add(read_module(path, parse_python(text)))


def gather_models(project: PythonProject, apps: DjangoApps) -> DjangoModels:
    """All models of the project that have a table of their own, and proxies of them."""
    known = _Known(project, DjangoModels(apps))
    for module in project.modules.values():
        for found in module.classes.values():
            if _is_model(known, found, MAX_BASES) and not truth(_meta(known, found).get("abstract")):
                known.models.add(_model(known, found))
    return known.models


def _is_model(known: _Known, found: PythonClass, hops: int) -> bool:
    """Whether it derives from Django's Model; the fields of its body speak for one whose base is not to be seen."""
    place = (found.path, found.name)
    if place in known.verdicts or not hops:
        return known.verdicts.get(place, False)
    known.verdicts[place] = False  # a class that is its own base
    bases = _bases(known, found)
    verdict = any(base in ROOT_MODELS if isinstance(base, str) else _is_model(known, base, hops - 1) for base in bases)
    verdict = verdict or (_has_foreign_base(bases) and _has_django_field(known, found))
    known.verdicts[place] = verdict
    return verdict


def _has_foreign_base(bases: list[PythonClass | str]) -> bool:
    names = [base for base in bases if isinstance(base, str) and base not in ROOT_MODELS]
    return any(".models" in name and "." in name and name.rpartition(".")[2] != "TextChoices" for name in names)


def _has_django_field(known: _Known, found: PythonClass) -> bool:
    module = known.project.modules[found.path]
    for one in found.assignments:
        if isinstance(one.value, ast.Call):
            name = known.project.class_named(module, dotted(one.value))
            if isinstance(name, str) and name.startswith(("django.db.models.", "django.contrib.")):
                return looks_like_field(name.rpartition(".")[2])
    return False


def _bases(known: _Known, found: PythonClass) -> list[PythonClass | str]:
    module = known.project.modules[found.path]
    return [known.project.class_named(module, name) for name in map(dotted, found.bases) if name]


def _lineage(known: _Known, found: PythonClass) -> tuple[list[PythonClass], list[PythonClass], bool]:
    """The abstract models that it takes fields from, the nearest first; concrete parents; if Django's Model is seen.

    Each class once, and nothing beyond a concrete parent, as that one's fields are in its own table.
    """
    abstract: list[PythonClass] = []
    concrete: list[PythonClass] = []
    has_root, waiting = False, list(_bases(known, found))
    while waiting and len(abstract) < MAX_ABSTRACT:
        base = waiting.pop(0)
        if isinstance(base, str):
            has_root |= base in ROOT_MODELS
        elif base is not found and base not in abstract and base not in concrete and _is_model(known, base, MAX_BASES):
            if truth(_meta(known, base).get("abstract")):
                abstract.append(base)
                waiting = [*_bases(known, base), *waiting]
            else:
                concrete.append(base)
    return abstract, concrete, has_root or bool(concrete)


def _model(known: _Known, found: PythonClass) -> DjangoModel:
    meta = _meta(known, found)
    constants = known.project.modules[found.path].constants
    abstract, concrete, has_root = _lineage(known, found)
    model = DjangoModel(_label(known, found), found.name, found.path, found.line, meta=meta, constants=constants)
    model.is_proxy = truth(meta.get("proxy"))
    model.is_doubtful = not has_root
    model.parents = [(_label(known, base).lower(), base.name.lower()) for base in concrete]
    for owner in [*reversed(abstract), found]:
        _take_fields(known, owner, model)
    for name, one in model.fields.items():
        if one.path.startswith(KNOWN_FOLDER):
            model.fields[name] = replace(one, path=found.path, line=found.line)
    return model


def _take_fields(known: _Known, owner: PythonClass, model: DjangoModel) -> None:
    """The fields that a class declares; `name = None` takes an inherited one away."""
    for one in owner.assignments:
        made = _field(known, owner, model, one.name, one.value, one.line)
        if made is not None:
            model.fields[one.name] = made
        elif one.value is not None:
            model.fields.pop(one.name, None)


def _field(
    known: _Known, found: PythonClass, model: DjangoModel, name: str, value: ast.expr | None, line: int
) -> DjangoField | None:
    if not isinstance(value, ast.Call):
        return None
    module = known.project.modules[found.path]
    kind = field_kind(known.project, module, dotted(value))
    if kind is None:
        return None
    field_ = make_field(name, kind, value, found.path, line, module.constants)
    field_.target = _target(known, found, model, field_.options.get("to", value.args[0] if value.args else None))
    if field_.kind in TO_MANY and "through" in field_.options:
        field_.through = _target(known, found, model, field_.options["through"])
    return field_


def field_kind(project: PythonProject, module: PythonModule, name: str) -> str | None:
    """The class of Django's, or of a package's, that a field is of; followed through the project's own classes."""
    first = ""  # the project's own class: one that is Django's Field alone is a field if it is called so
    for _ in range(MAX_BASES):
        target = project.class_named(module, name) if name else ""
        if isinstance(target, str):
            kind = target.rpartition(".")[2]
            return kind if looks_like_field(kind) and (kind != "Field" or looks_like_field(first)) else None
        first = first or target.name
        module = project.modules[target.path]
        names = [dotted(base) for base in target.bases]
        name = next((one for one in names if looks_like_field(one.rpartition(".")[2])), next(iter(names), ""))
    return None


def _target(known: _Known, found: PythonClass, model: DjangoModel, node: ast.expr | None) -> ModelKey | None:
    """App and name of the model that a relation names: a string, a class, the setting of the users' model."""
    module = known.project.modules[found.path]
    if node is None:
        return None
    if isinstance(node, ast.Call):  # a function that gives the users' model, of whatever arguments
        return known.models.apps.user if "user_model" in dotted(node).lower() else None
    if dotted(node).endswith("AUTH_USER_MODEL"):
        return known.models.apps.user
    text = string(node, module.constants)
    if text is not None:
        return named_target(text, model.key)
    target = known.project.class_named(module, dotted(node))
    if isinstance(target, PythonClass):
        return (_label(known, target).lower(), target.name.lower())
    parts = target.lower().split(".")
    return (parts[-3], parts[-1]) if len(parts) > 2 and parts[-2] == "models" else (model.key[0], parts[-1])


def named_target(text: str, own: ModelKey) -> ModelKey:
    """The model that a string means in a model of that app: `app.Model`, `Model`, `self`."""
    if text == "self":
        return own
    label, _, name = text.lower().rpartition(".")
    return (label.rpartition(".")[2] or own[0], name)


def _label(known: _Known, found: PythonClass) -> str:
    given = string(_meta(known, found).get("app_label"), known.project.modules[found.path].constants)
    if given is None and found.path.startswith(KNOWN_FOLDER):
        return found.path.split("/")[-2]
    return given or known.models.apps.label_of(found.path)


def _meta(known: _Known, found: PythonClass) -> dict[str, ast.expr]:
    """The options of a model: its own, those its Meta derives from; without a Meta those of its first abstract base."""
    place = (found.path, found.line)
    if place not in known.metas:
        known.metas[place] = {}  # while it is looked for: a class that is its own base
        known.metas[place] = _meta_of(known, found)
    return known.metas[place]


def _meta_of(known: _Known, found: PythonClass) -> dict[str, ast.expr]:
    own = found.nested.get("Meta")
    if own is not None:
        return _meta_values(known, own, MAX_BASES)
    for base in _bases(known, found):
        if isinstance(base, PythonClass) and base is not found:
            inherited = _meta(known, base)
            if truth(inherited.get("abstract")):
                return {name: value for name, value in inherited.items() if name != "abstract"}
    return {}


def _meta_values(known: _Known, meta: PythonClass, hops: int) -> dict[str, ast.expr]:
    module = known.project.modules[meta.path]
    values: dict[str, ast.expr] = {}
    for name in reversed([dotted(base) for base in meta.bases]) if hops else ():
        base = known.project.class_named(module, name) if name else ""
        if isinstance(base, PythonClass) and base is not meta:
            values |= {key: value for key, value in _meta_values(known, base, hops - 1).items() if key != "abstract"}
    return values | {one.name: one.value for one in meta.assignments if one.value is not None}
