"""The calls in a Ruby file, with the literals that they are given: the subset of Ruby that schemas are written in."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from docs_mgmt.generators.schema.trees import MAX_DEPTH, Value, code_of, line_of, text_of


@dataclass(slots=True)
class RubyCall:
    """`receiver.method(arguments, key: option) { |parameter| body }`."""

    receiver: str
    method: str
    line: int
    arguments: list[Value] = field(default_factory=list)
    options: dict[str, Value] = field(default_factory=dict)
    body: Node | None = None
    parameter: str = ""

    def text(self, at: int) -> str:
        """The argument at that place if it is a text or symbol, else empty."""
        value = self.arguments[at] if at < len(self.arguments) else None
        return value if isinstance(value, str) else ""

    def option_text(self, name: str) -> str | None:
        value = self.options.get(name)
        return value if isinstance(value, str) else None


def calls_in(body: Node | None) -> Iterator[RubyCall]:
    """The calls that are statements of a body, those under `if` and the like too, but not those of inner blocks."""
    waiting = [] if body is None else list(reversed(body.named_children))
    while waiting:
        node = waiting.pop()
        if node.type in {"call", "method_call", "command"}:
            yield _call(node)
        elif node.type not in {"method", "class", "module", "comment", "string", "argument_list"}:
            waiting += reversed(node.named_children)


def value_of(node: Node | None, depth: int = MAX_DEPTH) -> Value:
    """What a literal stands for; symbols are their text, anything else is code."""
    if node is None or depth == 0:
        return code_of(node)
    match node.type:
        case "string" | "delimited_symbol" | "simple_symbol" | "bare_string" | "bare_symbol":
            return _text(node)
        case "integer" | "float":
            return _number(text_of(node))
        case "true" | "false" | "nil":
            return {"true": True, "false": False}.get(node.type)
        case "array" | "string_array" | "symbol_array":
            return [value_of(child, depth - 1) for child in node.named_children if child.type != "comment"]
        case "hash":
            return dict(_pair(child, depth - 1) for child in node.named_children if child.type == "pair")
        case _:
            return code_of(node)


def _text(node: Node) -> Value:
    if node.type in {"bare_string", "bare_symbol"}:
        return text_of(node)
    if node.type == "simple_symbol":
        return text_of(node).removeprefix(":")
    if any(child.type == "interpolation" for child in node.named_children):
        return code_of(node)
    return "".join(_string_part(child) for child in node.named_children)


def _call(node: Node) -> RubyCall:
    call = RubyCall(
        text_of(node.child_by_field_name("receiver")), text_of(node.child_by_field_name("method")), line_of(node)
    )
    arguments = node.child_by_field_name("arguments")
    for child in [] if arguments is None else arguments.named_children:
        if child.type == "pair":
            key, value = _pair(child, MAX_DEPTH)
            call.options[key] = value
        elif child.type == "hash":
            value = value_of(child)
            call.options.update(value if isinstance(value, dict) else {})
        elif child.type not in {"comment", "block_argument"}:
            call.arguments.append(value_of(child))
    block = node.child_by_field_name("block")
    if block is not None:
        call.body = block.child_by_field_name("body")
        parameters = block.child_by_field_name("parameters")
        call.parameter = "" if parameters is None else text_of(parameters).strip("| ")
    return call


def _pair(node: Node, depth: int) -> tuple[str, Value]:
    key = node.child_by_field_name("key")
    name = value_of(key, 1) if key is not None and key.type in {"string", "simple_symbol"} else text_of(key)
    return (name if isinstance(name, str) else text_of(key)), value_of(node.child_by_field_name("value"), depth)


def _string_part(node: Node) -> str:
    if node.type != "escape_sequence":
        return text_of(node)
    escaped = text_of(node)[1:]
    return {"n": "\n", "t": "\t"}.get(escaped, escaped)


def _number(text: str) -> Value:
    try:
        return int(text.replace("_", "")[:30], 0) if not any(one in text for one in ".eE") else float(text)
    except ValueError:
        return text
