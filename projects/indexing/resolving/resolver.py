"""Which files of the project the imports of a file mean."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from projects.indexing.resolving.by_name import LANGUAGES as NAMED
from projects.indexing.resolving.by_name import named_targets
from projects.indexing.resolving.by_suffix import CImports, CSharpImports, JavaImports, PhpImports, RubyImports
from projects.indexing.resolving.go import GoImports
from projects.indexing.resolving.javascript import JavaScriptImports
from projects.indexing.resolving.path_table import PathTable, Read
from projects.indexing.resolving.python import PythonImports
from projects.indexing.resolving.rust import RustImports
from projects.indexing.shapes import Import


class _Imports(Protocol):
    def targets(self, path: str, imported: Import) -> Iterator[str]: ...


class Resolver:
    """Made once for the paths of a commit; the table of a language is made when its first file is asked for.

    `read` is asked for the few files that tell where modules begin: go.mod, Cargo.toml, package.json, tsconfig.json.
    """

    def __init__(self, paths: Iterable[str], read: Read = lambda path: None) -> None:
        self._table = PathTable(paths, read)
        self._readers: dict[str, _Imports] = {}

    def targets(
        self, path: str, language: str | None, imports: Iterable[Import], references: Iterable[str] = ()
    ) -> set[str]:
        """The files of the project that a file needs, never itself: by its imports, and by the names that it uses.

        Names count only in languages that need no import for a class of the same package or application.
        """
        reader = self._reader(language)
        if reader is None or language is None:
            return set()
        found = {target for imported in imports for target in reader.targets(path, imported)}
        if language in NAMED:
            found.update(named_targets(self._table, path, language, references))
        return found - {path}

    def _reader(self, language: str | None) -> _Imports | None:
        if language not in _READERS:
            return None
        if language not in self._readers:
            self._readers[language] = _READERS[language](self._table)
        return self._readers[language]


_READERS: dict[str, Callable[[PathTable], _Imports]] = {
    "python": PythonImports,
    "javascript": JavaScriptImports,
    "typescript": JavaScriptImports,
    "go": GoImports,
    "rust": RustImports,
    "java": JavaImports,
    "csharp": CSharpImports,
    "c": CImports,
    "cpp": CImports,
    "php": PhpImports,
    "ruby": RubyImports,
}
