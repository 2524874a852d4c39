"""Rust's `use` and `mod`: paths through the modules of a crate, and from one crate of the repository to another."""

import re
from collections.abc import Iterator

from projects.indexing.resolving.path_table import PathTable
from projects.indexing.shapes import Import

_ROOT_FILES = ("lib.rs", "main.rs")
_NAME = re.compile(rb"^name[ \t]*=[ \t]*\"([A-Za-z0-9_-]{1,100})\"", re.MULTILINE)
_MAX_UP = 50


class RustImports:
    """Knows the crates of the repository by the names of their Cargo.toml."""

    def __init__(self, table: PathTable) -> None:
        self._table = table
        self._crates: dict[str, str] = {}
        for path in table.named("Cargo.toml"):
            found = _NAME.search(table.read(path) or b"")
            if found:
                home = path.rpartition("/")[0]
                self._crates[found.group(1).decode().replace("-", "_")] = f"{home}/src" if home else "src"

    def targets(self, path: str, imported: Import) -> Iterator[str]:
        """The file of the innermost module that the path names."""
        segments = imported.module.split("::")
        start = self._start(path, segments)
        if start is None:
            return
        home, rest = start
        for count in range(len(rest), 0, -1):
            stem = "/".join([*([home] if home else []), *rest[:count]])
            found = self._table.first([f"{stem}.rs", f"{stem}/mod.rs"])
            if found is not None:
                yield found
                return
        own = self._file_of(home)
        if own is not None:
            yield own

    def _start(self, path: str, segments: list[str]) -> tuple[str, list[str]] | None:
        """The folder in which the path's modules begin, and the modules."""
        first = segments[0]
        if first == "crate":
            return self._crate_root(path), segments[1:]
        if first in {"self", "super"}:
            home = self._module_folder(path)
            while segments and segments[0] in {"self", "super"}:
                home = home.rpartition("/")[0] if segments[0] == "super" else home
                segments = segments[1:]
            return home, segments
        home = self._module_folder(path)
        if self._table.first([f"{home}/{first}.rs".lstrip("/"), f"{home}/{first}/mod.rs".lstrip("/")]):
            return home, segments
        return (self._crates[first], segments[1:]) if first in self._crates else None

    def _module_folder(self, path: str) -> str:
        """Where the modules inside of a file's module lie."""
        folder, _, name = path.rpartition("/")
        if name in {*_ROOT_FILES, "mod.rs"}:
            return folder
        return f"{folder}/{name.removesuffix('.rs')}".lstrip("/")

    def _crate_root(self, path: str) -> str:
        folder = path.rpartition("/")[0]
        for _ in range(_MAX_UP):
            if any(f"{folder}/{name}".lstrip("/") in self._table.paths for name in _ROOT_FILES) or not folder:
                break
            folder = folder.rpartition("/")[0]
        return folder

    def _file_of(self, home: str) -> str | None:
        """The file of the module whose inner modules lie in this folder."""
        return self._table.first([f"{home}/{name}".lstrip("/") for name in ("mod.rs", *_ROOT_FILES)] + [f"{home}.rs"])
