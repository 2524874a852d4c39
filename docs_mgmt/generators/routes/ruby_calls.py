"""Lines of a Ruby block as calls with their names, arguments, options and blocks."""

from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from docs_mgmt.generators.routes.tree import line, text

_IRREGULAR = {"people": "person", "children": "child", "news": "news", "series": "series"}
_ARRAYS = {"array", "symbol_array", "string_array"}


@dataclass(frozen=True, slots=True)
class RubyCall:
    """A call: arguments that are no options; options by name; pairs whose key is no symbol, as `"a" => b`."""

    name: str
    line: int
    given: tuple[Node, ...]
    options: dict[str, Node]
    pairs: tuple[tuple[Node, Node], ...]
    block: Node | None


def calls_in(block: Node) -> Iterator[RubyCall]:
    """The calls of a block's own lines and of its branches, in order; not of the blocks that those have."""
    waiting = list(reversed(block.named_children))
    while waiting:
        node = waiting.pop()
        if node.type == "call":
            yield _read(node)
        elif node.type not in {"comment", "class", "module", "method"}:
            waiting += reversed(node.named_children)


def _read(node: Node) -> RubyCall:
    given: list[Node] = []
    options: dict[str, Node] = {}
    pairs: list[tuple[Node, Node]] = []
    arguments = node.child_by_field_name("arguments")
    for each in arguments.named_children if arguments else ():
        key, value = each.child_by_field_name("key"), each.child_by_field_name("value")
        if each.type != "pair" or key is None:
            given.append(each)
        elif value is not None and key.type in {"hash_key_symbol", "simple_symbol"}:
            options[text(key).lstrip(":")] = value
        elif value is not None:
            pairs.append((key, value))
    name = text(node.child_by_field_name("method"))
    block = node.child_by_field_name("block")
    return RubyCall(name, line(node), tuple(given), options, tuple(pairs), block)


def texts(node: Node | None) -> list[str]:
    """The text of a string or symbol, those of an array; none of anything else. What is put into a string is `…`."""
    if node is None:
        return []
    if node.type in _ARRAYS:
        return [each for child in node.named_children for each in texts(child)]
    if node.type in {"simple_symbol", "bare_symbol", "bare_string"}:
        return [text(node).removeprefix(":")]
    if node.type in {"string", "delimited_symbol"}:
        return ["".join("…" if each.type == "interpolation" else text(each) for each in node.named_children)]
    return []


def singular(name: str) -> str:
    """One of what a name tells many of, as Rails names a key; the rules of the usual words only."""
    if name in _IRREGULAR:
        return _IRREGULAR[name]
    for end, without in (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("uses", "us")):
        if name.endswith(end) and len(name) > len(end):
            return name.removesuffix(end) + without
    return name.removesuffix("s") if not name.endswith("ss") else name
