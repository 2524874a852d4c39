"""Classes that need no import: Ruby on Rails loads them by name, and a package's own are known to its other files."""

import re
from collections.abc import Iterable, Iterator

from projects.indexing.resolving.path_table import PathTable

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_AUTOLOADED = re.compile(r"(?:.*/)?(?:app|lib)/.*")
_SUFFIXES = {"java": ".java", "csharp": ".cs", "php": ".php"}
LANGUAGES = frozenset({"ruby", *_SUFFIXES})


def named_targets(table: PathTable, path: str, language: str, references: Iterable[str]) -> Iterator[str]:
    """The files that are called as one of the classes that a file uses. Where several are, none is meant."""
    folder = path.rpartition("/")[0]
    for name in references:
        if not name[:1].isupper() or name.isupper():
            continue
        if language == "ruby":
            named = [file for file in table.named(f"{_HUMP.sub('_', name).lower()}.rb") if _AUTOLOADED.fullmatch(file)]
            yield from named if len(named) == 1 else ()
        else:
            beside = f"{folder}/{name}{_SUFFIXES[language]}".lstrip("/")
            if beside in table.paths:
                yield beside
