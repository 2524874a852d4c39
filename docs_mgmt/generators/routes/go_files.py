"""Go files by what their package declares: functions, constants, and functions that hand an address on to a router."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from docs_mgmt.generators.routes.tree import arguments, text, walk

MAX_ROUNDS = 4
HANDLES = frozenset({"Handle", "HandleFunc"})
_FUNCTION = re.compile(rb"^func (?:\([^()\n]{0,200}\) ?)?(\w+)[(\[]", re.MULTILINE)
_CONSTANT = re.compile(rb"^(?:const |\t)(\w+)(?: string)?[ \t]{0,60}= ?[\"`]([^\"`\\\n]{0,200})[\"`]$", re.MULTILINE)


@dataclass(slots=True)
class GoPackage:
    """What the files of a folder know of each other: files of functions, texts of constants."""

    functions: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)

    def take(self, path: str, content: bytes) -> None:
        """What a file declares at the beginning of its lines: enough to find names, and no need to parse every file."""
        for name in _FUNCTION.findall(content):
            self.functions.setdefault(name.decode(), path)
        for name, value in _CONSTANT.findall(content):
            self.constants.setdefault(name.decode(), value.decode("utf-8", "replace"))

    def string(self, node: Node) -> str | None:
        """The text of a string, a constant and a sum, with … for its unknown parts; None where nothing is known."""
        parts = [self._part(each) for each in _summands(node)]
        return None if not any(parts) else "".join("…" if part is None else part for part in parts)

    def _part(self, node: Node) -> str | None:
        if node.type in {"interpreted_string_literal", "raw_string_literal"}:
            return text(node)[1:-1]
        return self.constants.get(text(node)) if node.type == "identifier" else None


def _summands(node: Node) -> list[Node]:
    found: list[Node] = []
    while node.type == "binary_expression" and len(node.named_children) > 1:
        found.append(node.named_children[-1])
        node = node.named_children[0]
    return [*reversed([*found, node])]


def member(call: Node) -> tuple[Node | None, str]:
    """What is called on what: of `r.Group(…)`, `r` and Group; of `add(…)`, nothing and add."""
    function = call.child_by_field_name("function")
    if function is None:
        return None, ""
    if function.type != "selector_expression":
        return None, text(function)
    return function.child_by_field_name("operand"), text(function.child_by_field_name("field"))


def registrars(root: Node) -> frozenset[str]:
    """The names of a file's functions that give their first argument to a router as the address."""
    functions = list(_functions(root))
    found: set[str] = set()
    for _ in range(MAX_ROUNDS):
        more = {name for name, parameter, called in functions if called.get(parameter, set()) & {*HANDLES, *found}}
        if more <= found:
            break
        found |= more
    return frozenset(found)


def _functions(root: Node) -> Iterator[tuple[str, str, dict[str, set[str]]]]:
    """Each function with a name: that, its first parameter, and what is called with which name as first argument."""
    for node in walk(root):
        name, function = _named_function(node)
        parameters = function.child_by_field_name("parameters") if function else None
        if function is None or parameters is None or not parameters.named_children:
            continue
        called: dict[str, set[str]] = {}
        for call in (each for each in walk(function) if each.type == "call_expression" and arguments(each)):
            called.setdefault(text(arguments(call)[0]), set()).add(member(call)[1])
        yield name, text(parameters.named_children[0].child_by_field_name("name")), called


def _named_function(node: Node) -> tuple[str, Node | None]:
    if node.type in {"function_declaration", "method_declaration"}:
        return text(node.child_by_field_name("name")), node
    if node.type == "short_var_declaration":
        right = node.child_by_field_name("right")
        value = right.named_children[0] if right and right.named_children else None
        if value is not None and value.type == "func_literal":
            return text(node.child_by_field_name("left")), value
    return "", None
