"""The twelve languages that are parsed: the grammar of each, and the query that finds what is wanted in its tree.

The queries are in queries/: a capture is the kind of a definition, `name` the name in it, `import` what is taken from
elsewhere, `text` what is no code (comments and the insides of strings), `scope` a parent that is no definition.
"""

import importlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tree_sitter import Language, Node, Parser, Query, QueryCursor

from projects.indexing.languages import TSX

_QUERIES = Path(__file__).with_name("queries")
_WORD = re.compile(r"[A-Za-z_]\w*")
# Package, the function in it, the file of its query.
_GRAMMARS = {
    "python": ("tree_sitter_python", "language", "python"),
    "javascript": ("tree_sitter_javascript", "language", "javascript"),
    "typescript": ("tree_sitter_typescript", "language_typescript", "typescript"),
    TSX: ("tree_sitter_typescript", "language_tsx", "typescript"),
    "go": ("tree_sitter_go", "language", "go"),
    "rust": ("tree_sitter_rust", "language", "rust"),
    "java": ("tree_sitter_java", "language", "java"),
    "c": ("tree_sitter_c", "language", "c"),
    "cpp": ("tree_sitter_cpp", "language", "cpp"),
    "csharp": ("tree_sitter_c_sharp", "language", "csharp"),
    "php": ("tree_sitter_php", "language_php", "php"),
    "ruby": ("tree_sitter_ruby", "language", "ruby"),
    "sql": ("tree_sitter_sql", "language", "sql"),
}
LANGUAGES = frozenset(_GRAMMARS) - {TSX}
"""The languages whose files have symbols, imports and references."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """A language as tree-sitter has it; `keywords` are its reserved words, as bytes."""

    language: Language
    query: Query
    keywords: frozenset[bytes]


@cache
def grammar_of(name: str | None) -> Grammar | None:
    """The grammar of a language (or of TSX); None for a language that has none."""
    if name not in _GRAMMARS:
        return None
    package, function, query = _GRAMMARS[name]
    language = Language(getattr(importlib.import_module(package), function)())
    text = (_QUERIES / f"{query}.scm").read_text()
    return Grammar(language, Query(language, text), _keywords(language))


def parse(grammar: Grammar, content: bytes) -> Node:
    """The root of the content's tree. Never fails: what is no program has nodes that say so."""
    return Parser(grammar.language).parse(content).root_node


def matches(grammar: Grammar, root: Node) -> list[tuple[int, dict[str, list[Node]]]]:
    """What the language's query finds, as its pattern's number and the nodes by capture."""
    return QueryCursor(grammar.query).matches(root)


def _keywords(language: Language) -> frozenset[bytes]:
    kinds = (
        language.node_kind_for_id(number)
        for number in range(language.node_kind_count)
        if not language.node_kind_is_named(number)
    )
    return frozenset(kind.encode() for kind in kinds if kind and _WORD.fullmatch(kind))
