"""What a Django project says of its apps: their labels, the kind of their implicit ids, the model of its users."""

import ast
from dataclasses import dataclass, field

from docs_mgmt.generators.schema.files import folder
from docs_mgmt.generators.schema.python_names import PythonProject
from docs_mgmt.generators.schema.python_source import PythonModule, string

AUTO_TYPES = {"BigAutoField": "bigint", "SmallAutoField": "smallint", "UUIDField": "uuid"}
DEFAULT_USER = ("auth", "user")


@dataclass(slots=True)
class DjangoApps:
    """Labels and kinds of ids by the folder of an app; `auto_field` of the settings for the others."""

    labels: dict[str, str] = field(default_factory=dict)
    auto_fields: dict[str, str] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()
    auto_field: str = "AutoField"
    user: tuple[str, str] = DEFAULT_USER

    def folder_of(self, path: str) -> str:
        """The folder of the app that a file belongs to."""
        here = folder(path)
        while here and here not in self.folders:
            here = folder(here)
        return here or _without_models(folder(path))

    def label_of(self, path: str) -> str:
        """The label of the app that a file belongs to."""
        home = self.folder_of(path)
        return self.labels.get(home) or home.rpartition("/")[2]

    def id_type(self, path: str) -> str:
        """The type of an id that a model of this file does not declare."""
        given = self.auto_fields.get(self.folder_of(path), self.auto_field)
        return AUTO_TYPES.get(given.rpartition(".")[2], "integer")


def find_apps(project: PythonProject, paths: list[str]) -> DjangoApps:
    """Read the apps' configurations and the settings."""
    apps = DjangoApps(folders=_app_folders(paths))
    for module in project.modules.values():
        _read_settings(apps, module)
        if module.path.rpartition("/")[2] == "apps.py":
            _read_config(apps, module)
    return apps


def _app_folders(paths: list[str]) -> frozenset[str]:
    found = set()
    for path in paths:
        for mark in ("models.py", "apps.py", "models/__init__.py", "migrations/__init__.py"):
            if path.endswith(f"/{mark}") and not path.endswith("/models/models.py"):
                found.add(path[: -len(mark) - 1])
    return frozenset(found)


def _without_models(home: str) -> str:
    parts = home.split("/")
    return "/".join(parts[: parts.index("models")]) if "models" in parts[1:] else home


def _read_settings(apps: DjangoApps, module: PythonModule) -> None:
    name = string(module.constants.get("DEFAULT_AUTO_FIELD"))
    if name:
        apps.auto_field = name
    user = string(module.constants.get("AUTH_USER_MODEL"))
    if user and user.count(".") == 1:
        label, _, model = user.lower().partition(".")
        apps.user = (label, model)


def _read_config(apps: DjangoApps, module: PythonModule) -> None:
    home = folder(module.path)
    for found in module.classes.values():
        values: dict[str, ast.expr] = {one.name: one.value for one in found.assignments if one.value is not None}
        name = string(values.get("name"), module.constants)
        if name is None:
            continue
        label = string(values.get("label"), module.constants) or name.rpartition(".")[2]
        apps.labels[home] = label
        auto_field = string(values.get("default_auto_field"), module.constants)
        if auto_field:
            apps.auto_fields[home] = auto_field
