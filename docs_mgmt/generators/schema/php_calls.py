"""Chains of calls in a PHP file, with the literals that they are given."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from docs_mgmt.generators.schema.trees import MAX_DEPTH, Code, Value, code_of, descendants, line_of, text_of

CALLS = frozenset({"member_call_expression", "scoped_call_expression", "nullsafe_member_call_expression"})
CLOSURES = frozenset({"anonymous_function", "anonymous_function_creation_expression", "arrow_function"})


@dataclass(slots=True)
class PhpCall:
    """`->name(arguments)`; `closure` is the body of a function among the arguments, `parameter` its first one.

    `first_line` is the line that the first argument begins on.
    """

    name: str
    line: int
    arguments: list[Value] = field(default_factory=list)
    first_line: int = 0
    closure: Node | None = None
    parameter: str = ""

    def text(self, at: int) -> str | None:
        """The argument at that place if it is a text."""
        value = self.arguments[at] if at < len(self.arguments) else None
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class PhpChain:
    """`root->first()->second()`: `root` is a variable or a class as it is written."""

    root: str
    calls: tuple[PhpCall, ...]

    def named(self, *names: str) -> PhpCall | None:
        """The first call of one of these names."""
        return next((call for call in self.calls if call.name in names), None)


Names = dict[str, Value]
"""What variables, constants and properties of a file are set to."""


def chains_in(body: Node | None, names: Names) -> Iterator[PhpChain]:
    """The statements of a body that are chains of calls, those of its branches and loops too."""
    waiting = [] if body is None else [body]
    while waiting:
        node = waiting.pop()
        if node.type in CALLS:
            yield _chain(node, names)
        elif node.type not in CLOSURES and node.type not in {
            "class_declaration",
            "arguments",
            "parenthesized_expression",
        }:
            waiting += reversed(node.named_children)


def names_of(tree: Node) -> Names:
    """The texts that are assigned in a file, by the names they are used by (`$x`, `$this->x`, `self::X`)."""
    names: Names = {}
    for node in descendants(tree, "const_element", "property_element", "assignment_expression"):
        if node.type == "assignment_expression":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            names.setdefault(text_of(left), value_of(right, names))
        elif node.named_child_count > 1:
            name, value = text_of(node.named_children[0]), value_of(node.named_children[-1], names)
            for spelled in (f"self::{name}", f"static::{name}", f"$this->{name.removeprefix('$')}"):
                names.setdefault(spelled, value)
    return {name: value for name, value in names.items() if not isinstance(value, Code)}


def value_of(node: Node | None, names: Names, depth: int = MAX_DEPTH) -> Value:
    """What a literal, or a name for one, stands for; `X::class` is the class' own name; anything else is code."""
    if node is None or depth == 0:
        return code_of(node)
    match node.type:
        case "string" | "encapsed_string":
            return _string(node, names, depth)
        case "integer" | "float" | "unary_op_expression":
            return _number(text_of(node))
        case "boolean" | "null":
            return {"true": True, "false": False}.get(text_of(node).lower())
        case "array_creation_expression":
            return [value_of(child.named_children[-1], names, depth - 1) for child in _elements(node)]
        case "class_constant_access_expression" if text_of(node).endswith("::class"):
            return text_of(node).removesuffix("::class").rpartition("\\")[2]
        case _:
            return _composed(node, names, depth)


def _composed(node: Node, names: Names, depth: int) -> Value:
    if node.type == "subscript_expression" and node.named_child_count > 1:
        return value_of(node.named_children[1], names, depth - 1)  # $tables["roles"]: called so unless configured
    if node.type == "binary_expression":
        left, right = (value_of(child, names, depth - 1) for child in (node.named_children[0], node.named_children[-1]))
        sign = text_of(node.child_by_field_name("operator"))
        if sign == "??":
            return right if isinstance(right, str) else left
        if sign == "." and isinstance(left, str) and isinstance(right, str):
            return left + right
        return code_of(node)
    if node.type in {"parenthesized_expression", "argument"} and node.named_child_count:
        return value_of(node.named_children[-1], names, depth - 1)
    return names.get(text_of(node), code_of(node))


def _elements(node: Node) -> list[Node]:
    return [
        child for child in node.named_children if child.type == "array_element_initializer" and child.named_child_count
    ]


def _string(node: Node, names: Names, depth: int) -> Value:
    parts: list[str] = []
    for child in node.named_children:
        if child.type in {"string_content", "string_value", "escape_sequence"}:
            parts.append(_unescaped(child))
            continue
        value = value_of(child, names, depth - 1)
        if not isinstance(value, str):
            return code_of(node)
        parts.append(value)
    return "".join(parts)


def _unescaped(node: Node) -> str:
    if node.type != "escape_sequence":
        return text_of(node)
    escaped = text_of(node)[1:]
    return {"n": "\n", "t": "\t"}.get(escaped, escaped)


def _number(text: str) -> Value:
    try:
        return int(text[:30].replace("_", "")) if "." not in text else float(text[:30])
    except ValueError:
        return Code(text)


def _chain(node: Node, names: Names) -> PhpChain:
    calls: list[PhpCall] = []
    here: Node | None = node
    while here is not None and here.type in CALLS:
        calls.append(_call(here, names))
        here = here.child_by_field_name("object") or here.child_by_field_name("scope")
    return PhpChain(text_of(here).rpartition("\\")[2] or text_of(here), tuple(reversed(calls)))


def _call(node: Node, names: Names) -> PhpCall:
    name = node.child_by_field_name("name")
    call = PhpCall(text_of(name), line_of(name or node))
    arguments = node.child_by_field_name("arguments")
    for argument in [] if arguments is None else arguments.named_children:
        inner = argument.named_children[-1] if argument.named_child_count else None
        if inner is not None and inner.type in CLOSURES:
            call.closure = inner.child_by_field_name("body")
            call.parameter = _first_parameter(inner)
        elif argument.type == "argument":
            call.first_line = call.first_line or line_of(argument)
            call.arguments.append(value_of(inner, names))
    return call


def _first_parameter(node: Node) -> str:
    parameters = node.child_by_field_name("parameters")
    first = None if parameters is None else next(iter(descendants(parameters, "variable_name")), None)
    return text_of(first)
