"""The files that may hold routes, each read once, within bounds; what was not understood is kept to be told."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import tree_sitter
import tree_sitter_go
import tree_sitter_javascript
import tree_sitter_php
import tree_sitter_ruby
import tree_sitter_typescript

from docs_mgmt.generators.routes.shapes import UnreadFile
from projects.indexing.shapes import Sources

MAX_FILE_BYTES = 1024**2
MAX_TOTAL_BYTES = 128 * 1024**2
MAX_PROBLEMS = 200
FOREIGN = re.compile(
    r"(?:^|/)(?:node_modules|vendor|third_party|site-packages|\.venv|venv|bower_components|dist"
    r"|tests?|testing|testdata|__tests__|__mocks__|specs?|fixtures|cypress|e2e)/"
    r"|(?:^|/)(?:test_[^/]*|conftest)\.py$|_test\.(?:py|go)$|_spec\.rb$|\.(?:test|spec)\.[cm]?[jt]sx?$|\.min\.js$",
    re.IGNORECASE,
)
"""Others' code and tests: their routes are not the project's doors."""


@cache
def _language(name: str) -> tree_sitter.Language:
    made = {
        "go": tree_sitter_go.language,
        "javascript": tree_sitter_javascript.language,
        "php": tree_sitter_php.language_php,
        "ruby": tree_sitter_ruby.language,
        "typescript": tree_sitter_typescript.language_typescript,
        "tsx": tree_sitter_typescript.language_tsx,
    }
    return tree_sitter.Language(made[name]())


class Reader:
    """The project's own files of one commit, and what was not understood of them."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._contents: dict[str, bytes | None] = {}
        self._left_bytes = MAX_TOTAL_BYTES
        self._problems: dict[str, str] = {}
        self._known = frozenset(sources.paths())
        self.paths: Sequence[str] = sorted(path for path in sources.paths() if not FOREIGN.search(path))

    @property
    def problems(self) -> tuple[UnreadFile, ...]:
        """What was told by `fail`, in order of the paths."""
        return tuple(UnreadFile(*each) for each in sorted(self._problems.items())[:MAX_PROBLEMS])

    def fail(self, path: str, reason: str) -> None:
        """Keeps why a file was not understood; the first reason counts."""
        self._problems.setdefault(path, reason)

    def content(self, path: str) -> bytes | None:
        """A file's bytes; None where there is none to be read. One that is too large is a problem."""
        if path not in self._contents:
            self._contents[path] = self._read(path)
        return self._contents[path]

    def _read(self, path: str) -> bytes | None:
        content = self._sources.read(path) if path in self._known else None
        if content is None:
            return None
        if len(content) > min(MAX_FILE_BYTES, self._left_bytes):
            self.fail(path, "too large to be read for routes")
            return None
        self._left_bytes -= len(content)
        return content

    def with_hints(self, paths: Iterable[str], hints: Iterable[bytes]) -> Iterator[str]:
        """Those of the files that contain one of the hints: most of a project need not be parsed."""
        found = re.compile(b"|".join(map(re.escape, hints)))
        for path in paths:
            if (content := self.content(path)) is not None and found.search(content):
                yield path

    def ending(self, *suffixes: str) -> list[str]:
        """The files whose names end so, in order."""
        return [path for path in self.paths if path.endswith(suffixes)]

    def tree(self, path: str, language: str) -> tree_sitter.Node | None:
        """The root of a file's syntax tree, None where it is not read. One full of errors is a problem, and read."""
        content = self.content(path)
        if content is None:
            return None
        root = tree_sitter.Parser(_language(language)).parse(content).root_node
        if root.has_error:
            self.fail(path, f"read in part: some of it is no {language} that is understood")
        return root
