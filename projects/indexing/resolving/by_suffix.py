"""Imports that name the end of a path: Java, C#, C and C++, PHP and Ruby."""

from collections import defaultdict
from collections.abc import Iterator

from projects.indexing.resolving.path_table import MAX_DEPTH, MAX_TARGETS, PathTable, joined, nearest
from projects.indexing.shapes import Import


class JavaImports:
    """A class lies in the folder of its package."""

    def __init__(self, table: PathTable) -> None:
        self._table = table

    def targets(self, path: str, imported: Import) -> Iterator[str]:
        """The file of the class; of `a.b.*` the files of the package."""
        parts = imported.module.split(".")
        if parts[-1] == "*":
            yield from self._package("/".join(parts[:-1]))
        for count in range(len(parts), max(1, len(parts) - 3), -1):  # a nested class, a static member of it
            found = self._table.ending("/".join(parts[:count]) + ".java", path)
            if found is not None:
                yield found
                return

    def _package(self, end: str) -> Iterator[str]:
        homes = self._table.folders_ending(end) if end else []
        files = [file for home in homes for file in self._table.in_folder(home, ".java")]
        yield from files[:MAX_TARGETS]


class CSharpImports:
    """A namespace is usually the end of its folder's path, with dots."""

    def __init__(self, table: PathTable) -> None:
        self._table = table
        self._folders: dict[str, list[str]] = defaultdict(list)
        for folder in sorted({path.rpartition("/")[0] for path in table.paths if path.endswith(".cs")}):
            parts = folder.replace("/", ".").split(".")
            for start in range(max(0, len(parts) - MAX_DEPTH), len(parts)):
                self._folders[".".join(parts[start:])].append(folder)

    def targets(self, path: str, imported: Import) -> Iterator[str]:
        """The files of the namespace's folder; of a large one the first. A type is looked for where it is none."""
        home = nearest([f"{folder}/x" for folder in self._folders.get(imported.module, ())], path)
        if home is not None:
            yield from self._table.in_folder(home.rpartition("/")[0], ".cs")[:MAX_TARGETS]
        elif "." in imported.module:
            found = self._table.ending(imported.module.replace(".", "/") + ".cs", path)
            if found is not None:
                yield found


class CImports:
    """A header is looked for beside the file first, then wherever its path fits."""

    def __init__(self, table: PathTable) -> None:
        self._table = table

    def targets(self, path: str, imported: Import) -> Iterator[str]:
        """The header; one in angle brackets only where its path has a folder, or lies in `include`."""
        module = imported.module.strip("<>")
        is_system = imported.module.startswith("<")
        beside = None if is_system else joined(path.rpartition("/")[0], module)
        tidy = joined("", module.lstrip("./"))
        ends = [f"include/{tidy}"] if is_system and "/" not in module else [tidy]
        found = self._table.first([beside]) or next(
            filter(None, (self._table.ending(end, path) for end in ends if end)), None
        )
        if found is not None:
            yield found


class PhpImports:
    """A class lies where PSR-4 puts it: its namespace's first parts may stand for any folder."""

    def __init__(self, table: PathTable) -> None:
        self._table = table

    def targets(self, path: str, imported: Import) -> Iterator[str]:
        """The file that is included, or that of the class."""
        if imported.module.endswith((".php", ".inc")):
            file = self._table.first([joined(path.rpartition("/")[0], imported.module.lstrip("/"))])
            found = file or self._table.ending(imported.module.lstrip("./"), path)
        else:
            found = self._class(imported.module.split("\\"), path)
        if found is not None:
            yield found

    def _class(self, parts: list[str], path: str) -> str | None:
        """At least its last namespace must be in the path."""
        ends = ("/".join(parts[start:]) + ".php" for start in range(max(1, len(parts) - 1)))
        return next(filter(None, (self._table.ending(end, path) for end in ends)), None)


class RubyImports:
    """What is required lies beside the file, or anywhere in a folder of the load path."""

    def __init__(self, table: PathTable) -> None:
        self._table = table

    def targets(self, path: str, imported: Import) -> Iterator[str]:
        """The file, whose suffix may be left out."""
        module = imported.module.removesuffix(".rb") + ".rb"
        if module.startswith("."):
            found = self._table.first([joined(path.rpartition("/")[0], module)])
        else:
            ends = [module] if "/" in module else [f"{folder}/{module}" for folder in ("lib", "spec", "test")]
            found = next(filter(None, (self._table.ending(end, path) for end in ends)), None)
        if found is not None:
            yield found
