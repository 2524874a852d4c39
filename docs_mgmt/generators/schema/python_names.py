"""What a name in a Python file stands for: a class of the repository, or something from elsewhere, dotted."""

import ast
from dataclasses import dataclass, field

from docs_mgmt.generators.schema.python_source import PythonClass, PythonModule

MAX_HOPS = 12  # through files that import a name only to pass it on


@dataclass(slots=True)
class PythonProject:
    """The parsed files of a repository, found by the tails of their dotted paths."""

    modules: dict[str, PythonModule] = field(default_factory=dict)
    _by_tail: dict[str, list[PythonModule]] = field(default_factory=dict)

    def add(self, module: PythonModule) -> None:
        self.modules[module.path] = module
        self._by_tail.setdefault(_tail(_dotted_path(module.path)), []).append(module)

    def class_named(self, module: PythonModule, name: str) -> PythonClass | str:
        """The class that a dotted name means in a file, else the full dotted name of what is not in the repository."""
        return self._resolve(module, name, MAX_HOPS)

    def constant_named(self, module: PythonModule, name: str) -> ast.expr | None:
        """What a name is set to, or a function of the name returns, in a file or the one it is imported from."""
        if not name or name in module.constants or name in module.functions:
            return module.constants.get(name, module.functions.get(name))
        front, _, last = module.imports.get(name, "").rpartition(".")
        other = self.module_named(module, front) if front else None
        return None if other is None else other.constants.get(last, other.functions.get(last))

    def module_named(self, importer: PythonModule, name: str) -> PythonModule | None:
        """The file of a module as another one names it; of several the one that lies nearest."""
        wanted = _absolute(importer.path, name)
        candidates = [
            module
            for module in self._by_tail.get(_tail(wanted), [])
            if f".{_dotted_path(module.path)}".endswith(f".{wanted}")
        ]
        return min(candidates, key=lambda one: _distance(importer.path, one.path), default=None)

    def _resolve(self, module: PythonModule, name: str, hops: int) -> PythonClass | str:
        head, _, rest = name.partition(".")
        if head in module.classes:
            return _nested(module.classes[head], rest)
        target = module.imports.get(head)
        if target is None:
            return self._through_stars(module, name, hops)
        return self._find(module, f"{target}.{rest}" if rest else target, hops)

    def _find(self, importer: PythonModule, name: str, hops: int) -> PythonClass | str:
        """A class by the dotted path of its module and its own name."""
        if hops == 0:
            return name
        parts = name.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            front = ".".join(parts[:cut]) or "."
            module = self.module_named(importer, front)
            if module is not None and module is not importer:
                return self._resolve(module, ".".join(parts[cut:]), hops - 1)
        return _absolute(importer.path, name) if name.startswith(".") else name

    def _through_stars(self, module: PythonModule, name: str, hops: int) -> PythonClass | str:
        """A name that is not bound here: of one of the modules that are imported whole."""
        guess = name
        for star in module.stars if hops else ():
            inner = self.module_named(module, star)
            found = f"{star}.{name}" if inner is None else self._resolve(inner, name, hops - 1)
            if isinstance(found, PythonClass):
                return found
            guess = found if guess == name else guess
        return guess


def _nested(found: PythonClass, rest: str) -> PythonClass | str:
    for part in filter(None, rest.split(".")):
        inner = found.nested.get(part)
        if inner is None:
            return f"{found.name}.{rest}"
        found = inner
    return found


def _dotted_path(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _tail(name: str) -> str:
    return name.rpartition(".")[2]


def _absolute(path: str, name: str) -> str:
    """A relative import as a dotted path from the root of the repository."""
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    package = path.split("/")[:-1]
    package = package[: len(package) - level + 1]
    return ".".join([*package, *filter(None, name.lstrip(".").split("."))])


def _distance(here: str, there: str) -> tuple[int, int, str]:
    """How far apart two files lie: folders that only one of them is in, then the depth of the second."""
    first, second = here.split("/")[:-1], there.split("/")[:-1]
    shared = next((at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
    common = min(len(first), len(second)) if shared is None else shared
    return (len(first) + len(second) - 2 * common, len(second), there)
