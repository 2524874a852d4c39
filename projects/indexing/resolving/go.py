"""Go's imports: a module's path from its go.mod, and the folder in it, whose files are one package."""

import re
from collections.abc import Iterator

from projects.indexing.resolving.path_table import MAX_TARGETS, PathTable
from projects.indexing.shapes import Import

_MODULE = re.compile(rb"^module[ \t]+\"?([^\s\"]{1,300})", re.MULTILINE)


class GoImports:
    """Knows the modules of the repository, the longest path first."""

    def __init__(self, table: PathTable) -> None:
        self._table = table
        found = ((_MODULE.search(table.read(path) or b""), path) for path in table.named("go.mod"))
        modules = ((match.group(1).decode("utf-8", "replace"), path) for match, path in found if match)
        self._modules = sorted(
            ((name, path.rpartition("/")[0]) for name, path in modules), key=lambda one: (-len(one[0]), one)
        )

    def targets(self, path: str, imported: Import) -> Iterator[str]:
        """The files of the package, its tests left out; of a large one the first, beginning with that of its name."""
        for name, home in self._modules:
            if imported.module == name or imported.module.startswith(f"{name}/"):
                folder = f"{home}/{imported.module[len(name) + 1 :]}".strip("/")
                files = [file for file in self._table.in_folder(folder, ".go") if not file.endswith("_test.go")]
                own = f"{folder}/{_package(imported.module)}.go".lstrip("/")
                yield from sorted(files, key=lambda file: (file != own, file))[:MAX_TARGETS]
                return


def _package(module: str) -> str:
    """What a package is called that has this path, as a rule: its last part that is no version."""
    parts = [part for part in module.split("/") if not re.fullmatch(r"v[0-9]{1,9}", part)]
    return parts[-1] if parts else module
