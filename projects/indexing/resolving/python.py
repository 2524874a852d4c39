"""Python's imports: absolute ones from a package's root, `src` and the like left out, and relative ones."""

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from projects.indexing.resolving.path_table import PathTable, ancestors, nearest
from projects.indexing.shapes import Import

_ROOTS = ("src/", "lib/", "python/")
_SUFFIXES = (".py", ".pyi")
REMEMBERED, LONGEST_REMEMBERED = 1 << 14, 200
"""Files of one folder import much the same. So many meanings are remembered, of names of so many characters."""


class PythonImports:
    """Modules by their dotted names: from the top of their package, and from the top of the repository."""

    def __init__(self, table: PathTable) -> None:
        self._table = table
        self._remembered = lru_cache(REMEMBERED)(self._find)
        self._modules: dict[str, list[str]] = defaultdict(list)
        for path in sorted(table.paths):
            if path.endswith(_SUFFIXES):
                for name in self._names(path):
                    self._modules[name].append(path)

    def targets(self, path: str, imported: Import) -> Iterator[str]:
        """A name that is a module of its own is meant itself, every other as part of the module it is taken from."""
        base = self._absolute(path, imported.module)
        if base is None:
            return
        folder = path.rpartition("/")[0]
        found = [self._module(f"{base}.{name}" if base else name, folder) for name in imported.names]
        if not imported.names or not all(found):
            found.append(self._module(base, folder))
        yield from (target for target in found if target is not None)

    def _module(self, name: str, folder: str) -> str | None:
        """What a file in this folder means by a module's name: the same for all of them."""
        return self._remembered(name, folder) if len(name) <= LONGEST_REMEMBERED else self._find(name, folder)

    def _find(self, name: str, folder: str) -> str | None:
        """Beside a script first; then by its full name; then from one of the folders above, for a name with a dot."""
        beside = None if self._is_package(folder) else self._below(folder, name)
        found = beside or nearest(self._modules.get(name, ()), f"{folder}/x".lstrip("/"))
        if found is None and "." in name:
            found = next(filter(None, (self._below(above, name) for above in ancestors(folder))), None)
        return found

    def _below(self, folder: str, name: str) -> str | None:
        stem = f"{folder}/{name.replace('.', '/')}".lstrip("/")
        return self._table.first([f"{stem}.py", f"{stem}/__init__.py"])

    def _absolute(self, path: str, module: str) -> str | None:
        """Of `..a.b` in a file the dotted path from the repository's top; of an absolute one itself."""
        name = module.lstrip(".")
        dots = len(module) - len(name)
        if not dots:
            return module
        folders = path.split("/")[:-1]
        if dots - 1 > len(folders):
            return None
        return ".".join([*folders[: len(folders) - dots + 1], *([name] if name else [])])

    def _is_package(self, folder: str) -> bool:
        return f"{folder}/__init__.py" in self._table.paths or (not folder and "__init__.py" in self._table.paths)

    def _names(self, path: str) -> set[str]:
        stem = path.rpartition(".")[0].removesuffix("/__init__")
        stems = {stem, *(stem.removeprefix(root) for root in _ROOTS)}
        above = ancestors(path.rpartition("/")[0])
        top = next((folder for folder in above if not folder or not self._is_package(folder)), "")
        if path.rpartition("/")[0] != top:
            stems.add(stem.removeprefix(f"{top}/"))
        return {stem.replace("/", ".") for stem in stems}
