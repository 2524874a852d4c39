"""The classes of a TypeScript file with their decorators, and the literals that calls are given."""

from dataclasses import dataclass, field

from tree_sitter import Node

from docs_mgmt.generators.schema.trees import MAX_DEPTH, Code, Value, code_of, descendants, line_of, text_of


@dataclass(frozen=True, slots=True)
class Decorator:
    """`@name(arguments)`."""

    name: str
    arguments: tuple[Value, ...]
    line: int

    def text(self, at: int = 0) -> str | None:
        """The argument at that place if it is a text."""
        value = self.arguments[at] if at < len(self.arguments) else None
        return value if isinstance(value, str) else None

    @property
    def options(self) -> dict[str, Value]:
        """The last object among the arguments."""
        return next((one for one in reversed(self.arguments) if isinstance(one, dict)), {})

    @property
    def target(self) -> str | None:
        """The class that a function among the arguments gives, or that is named by a text: `() => User`."""
        first = self.arguments[0] if self.arguments else None
        return first.text.rpartition(".")[2] if isinstance(first, Code) else first if isinstance(first, str) else None


@dataclass(frozen=True, slots=True)
class Property:
    """A field of a class: `type` is its annotation as it is written."""

    name: str
    type: str
    is_optional: bool
    decorators: tuple[Decorator, ...]
    line: int

    def decorator(self, *names: str) -> Decorator | None:
        return next((one for one in self.decorators if one.name in names), None)


@dataclass(slots=True)
class TypeScriptClass:
    """A class: `base` is the name of what it extends, "" if nothing."""

    name: str
    path: str
    line: int
    base: str
    decorators: list[Decorator] = field(default_factory=list)
    properties: list[Property] = field(default_factory=list)

    def decorator(self, *names: str) -> Decorator | None:
        return next((one for one in self.decorators if one.name in names), None)


def classes_in(path: str, tree: Node) -> list[TypeScriptClass]:
    """All classes of a file."""
    return [_class(path, node) for node in descendants(tree, "class_declaration", "abstract_class_declaration")]


def value_of(node: Node | None, depth: int = MAX_DEPTH) -> Value:
    """What a literal stands for; a function that only gives a value is the code of it, as is anything else."""
    if node is None or depth == 0:
        return code_of(node)
    match node.type:
        case "string" | "template_string":
            return _string(node)
        case "number":
            return int(text_of(node)[:30]) if text_of(node).isdecimal() else code_of(node)
        case "true" | "false" | "null" | "undefined":
            return {"true": True, "false": False}.get(node.type)
        case "array":
            return [value_of(child, depth - 1) for child in node.named_children if child.type != "comment"]
        case "object":
            return dict(_pair(child, depth - 1) for child in node.named_children if child.type == "pair")
        case _:
            return _composed(node, depth)


def _composed(node: Node, depth: int) -> Value:
    if node.type == "arrow_function":
        return value_of(node.child_by_field_name("body"), depth - 1)
    if node.type in {"as_expression", "parenthesized_expression", "satisfies_expression"} and node.named_children:
        return value_of(node.named_children[0], depth - 1)
    if node.type == "binary_expression":
        parts = [value_of(child, depth - 1) for child in (node.named_children[0], node.named_children[-1])]
        texts = [part for part in parts if isinstance(part, str)]
        return "".join(texts) if len(texts) == len(parts) else code_of(node)
    return code_of(node)


def _string(node: Node) -> Value:
    if any(child.type == "template_substitution" for child in node.named_children):
        return code_of(node)
    return "".join(_fragment(child) for child in node.named_children)


def _fragment(node: Node) -> str:
    if node.type != "escape_sequence":
        return text_of(node)
    escaped = text_of(node)[1:]
    return {"n": "\n", "t": "\t"}.get(escaped, escaped)


def _pair(node: Node, depth: int) -> tuple[str, Value]:
    key = text_of(node.child_by_field_name("key")).strip("'\"")
    return key, value_of(node.child_by_field_name("value"), depth)


def _class(path: str, node: Node) -> TypeScriptClass:
    heritage = next((child for child in node.named_children if child.type == "class_heritage"), None)
    extends = None if heritage is None else next(iter(descendants(heritage, "extends_clause")), None)
    base = "" if extends is None else text_of(extends.child_by_field_name("value"))
    found = TypeScriptClass(text_of(node.child_by_field_name("name")), path, line_of(node), base)
    holders = [node, *([node.parent] if node.parent is not None and node.parent.type == "export_statement" else [])]
    for holder in holders:
        found.decorators += [_decorator(child) for child in holder.children if child.type == "decorator"]
    body = node.child_by_field_name("body")
    pending: list[Decorator] = []
    for child in [] if body is None else body.named_children:
        if child.type == "decorator":
            pending.append(_decorator(child))
        elif child.type == "public_field_definition":
            found.properties.append(_property(child, pending))
            pending = []
        elif child.type != "comment":
            pending = []
    return found


def _property(node: Node, pending: list[Decorator]) -> Property:
    own = [_decorator(child) for child in node.children if child.type == "decorator"]
    annotation = text_of(node.child_by_field_name("type")).removeprefix(":").strip()
    optional = any(child.type == "?" for child in node.children)
    name = node.child_by_field_name("name")
    return Property(text_of(name), annotation, optional, (*pending, *own), line_of(name or node))


def _decorator(node: Node) -> Decorator:
    call = next(iter(node.named_children), None)
    if call is None or call.type != "call_expression":
        return Decorator(text_of(call).rpartition(".")[2], (), line_of(node))
    arguments = call.child_by_field_name("arguments")
    values = (
        [] if arguments is None else [value_of(child) for child in arguments.named_children if child.type != "comment"]
    )
    return Decorator(text_of(call.child_by_field_name("function")).rpartition(".")[2], tuple(values), line_of(node))
