"""Imports of JavaScript and TypeScript: relative ones, tsconfig's paths, and the packages of the same repository."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from projects.indexing.resolving.path_table import PathTable, ancestors, joined
from projects.indexing.shapes import Import

MAX_CONFIGS = 200
MAX_ALIASES = 500
MAX_MEANINGS = 30
"""Of the aliases that fit one import."""
_SUFFIXES = (".ts", ".tsx", ".d.ts", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte", ".json")
_COMPILED = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
_COMMENTS = re.compile(r'("(?:[^"\\\n]|\\.)*+"?)|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
"""What is not ended counts too, as far as it goes: else the rest would be searched again from each beginning."""
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_GUESSES = (("@/", "src/"), ("~/", "src/"), ("@/", ""), ("~/", ""))


class JavaScriptImports:
    """Knows the aliases of every tsconfig.json and jsconfig.json, and the names of every package.json."""

    def __init__(self, table: PathTable) -> None:
        self._table = table
        aliases = (alias for name in ("tsconfig.json", "jsconfig.json") for alias in self._read_aliases(name))
        self._aliases = list(islice(aliases, MAX_ALIASES))
        self._packages = dict(self._read_packages())

    def targets(self, path: str, imported: Import) -> Iterator[str]:
        """The file that is meant, if it is one of the project."""
        module = imported.module.partition("?")[0]
        folder = path.rpartition("/")[0]
        places = [joined(folder, module)] if module.startswith(".") else list(self._places(folder, module))
        found = next(filter(None, (self._file(place) for place in places if place is not None)), None)
        if found is not None:
            yield found

    def _file(self, stem: str) -> str | None:
        """What is there under this name: itself, with a suffix, or the index of the folder."""
        bare, dot, suffix = stem.rpartition(".")
        index = f"{stem}/index" if stem != "." else "index"
        return self._table.first(
            [
                stem,
                *(f"{stem}{suffix}" for suffix in _SUFFIXES),
                *(f"{bare}{other}" for other in _COMPILED.get(dot + suffix, ())),
                *(f"{index}{suffix}" for suffix in _SUFFIXES),
            ]
        )

    def _places(self, folder: str, module: str) -> Iterator[str | None]:
        here = f"{folder}/"
        fitting = (
            (target, module[len(prefix) : len(module) - len(suffix)])
            for scope, prefix, suffix, target in self._aliases
            if here.startswith(scope) and module.startswith(prefix) and module.endswith(suffix)
        )
        for target, inner in islice(fitting, MAX_MEANINGS):
            yield joined("", target.replace("*", inner, 1))  # TypeScript knows one star
        yield from self._in_packages(module)
        for prefix, target in _GUESSES:
            if module.startswith(prefix):
                yield from (joined(root, target + module[len(prefix) :]) for root in ancestors(folder))

    def _in_packages(self, module: str) -> Iterator[str | None]:
        parts = module.split("/")
        count = 2 if module.startswith("@") else 1
        home = self._packages.get("/".join(parts[:count]))
        if home is not None:
            inner = "/".join(parts[count:])
            yield from (joined(home, f"{source}/{inner or 'index'}") for source in (".", "src", "lib"))

    def _read_packages(self) -> Iterator[tuple[str, str]]:
        for path in self._table.named("package.json")[:MAX_CONFIGS]:
            name = _read_json(self._table, path).get("name")
            if isinstance(name, str):
                yield name, path.rpartition("/")[0]

    def _read_aliases(self, name: str) -> Iterator[tuple[str, str, str, str]]:
        """Where it holds, what it begins and ends with, and what it stands for, with a star for what is between."""
        for path in self._table.named(name)[:MAX_CONFIGS]:
            options = _read_json(self._table, path).get("compilerOptions")
            options = options if isinstance(options, dict) else {}
            home, base = path.rpartition("/")[0], options.get("baseUrl")
            root = joined(home, base if isinstance(base, str) else ".") or ""
            paths = options.get("paths")
            for alias, targets in paths.items() if isinstance(paths, dict) else ():
                prefix, _, suffix = alias.partition("*")
                for target in targets if isinstance(targets, list) else ():
                    if isinstance(target, str):
                        yield (f"{home}/" if home else ""), prefix, suffix, f"{root}/{target}".removeprefix("./")
            if isinstance(base, str):
                yield (f"{home}/" if home else ""), "", "", f"{root}/*".removeprefix("./")


def _read_json(table: PathTable, path: str) -> dict[str, Any]:
    """JSON as TypeScript takes it: with comments and trailing commas."""
    text = (table.read(path) or b"").decode("utf-8", "replace")
    plain = _TRAILING_COMMA.sub(r"\1", _COMMENTS.sub(lambda found: found.group(1) or "", text))
    try:
        value = json.loads(plain)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
