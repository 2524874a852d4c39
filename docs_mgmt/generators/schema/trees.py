"""Syntax trees of tree-sitter, walked without recursion, and the plain values that their literals stand for."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import tree_sitter_php
import tree_sitter_ruby
import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

MAX_DEPTH = 40  # of literals within literals


@dataclass(frozen=True, slots=True)
class Code:
    """An expression that is no literal: its text, in one line."""

    text: str


Value = str | int | float | bool | None | Code | list["Value"] | dict[str, "Value"]


@cache
def _language(name: str) -> Language:
    pointers = {
        "ruby": tree_sitter_ruby.language,
        "php": tree_sitter_php.language_php,
        "typescript": tree_sitter_typescript.language_typescript,
    }
    return Language(pointers[name]())


def parse_tree(language: str, content: bytes) -> Node:
    """The root of the tree; what is no code of the language is in nodes of errors."""
    return Parser(_language(language)).parse(content).root_node


def text_of(node: Node | None) -> str:
    """The text of a node."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def code_of(node: Node | None, limit: int = 200) -> Code:
    """The text of a node in one line, cut at the limit."""
    written = " ".join(text_of(node).split())
    return Code(written if len(written) <= limit else written[: limit - 1] + "…")


def line_of(node: Node) -> int:
    """The line that a node begins on."""
    return int(node.start_point.row) + 1


def descendants(node: Node, *types: str) -> Iterator[Node]:
    """All nodes of these types below a node, in order; those within a found one too."""
    waiting = list(reversed(node.named_children))
    while waiting:
        one = waiting.pop()
        if one.type in types:
            yield one
        waiting += reversed(one.named_children)


def words(value: Value) -> list[str]:
    """The names in a value: of a text itself, of a list those of its texts."""
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def number(value: Value) -> int | None:
    """A whole number, None where the value is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def written(value: Value) -> str | None:
    """The text of a default: None where there is none."""
    match value:
        case None:
            return None
        case Code():
            return value.text
        case bool():
            return "true" if value else "false"
        case str():
            return repr(value)
        case _:
            return str(value)
