"""The definitions of a file, each with its lines and the definitions around it, out of the matches of its query."""

from collections.abc import Iterable
from dataclasses import dataclass

from tree_sitter import Node

from projects.indexing.shapes import Symbol

MAX_SYMBOLS = 2000
MAX_NAME_LENGTH = 200
MAX_PARENT_LENGTH = 400
_MAX_DECLARATORS = 20
SCOPE = "scope"
"""The kind of what names its parts and is no definition itself, as an `impl` of Rust."""
_KINDS = frozenset("class interface struct enum type function method module constant scope".split())  # noqa: SIM905
_WITH_METHODS = frozenset({"class", "interface", "struct", "enum", SCOPE})


@dataclass(frozen=True, slots=True)
class _Definition:
    name: str
    kind: str
    node: Node
    owner: str | None


def read_symbols(found: Iterable[tuple[int, dict[str, list[Node]]]]) -> tuple[list[Symbol], bool]:
    """The symbols in the order of their beginnings, the outer before the inner; and whether some were left out.

    Those of kind SCOPE are among them.
    """
    definitions = sorted(_definitions(found), key=lambda one: (one.node.start_byte, -one.node.end_byte))
    symbols: list[Symbol] = []
    around: list[tuple[int, str, str]] = []
    for definition in definitions:
        while around and around[-1][0] <= definition.node.start_byte:
            around.pop()
        parent = ".".join(filter(None, (around[-1][1] if around else None, definition.owner))) or None
        in_class = bool(around) and around[-1][2] in _WITH_METHODS
        path = f"{parent}.{definition.name}" if parent else definition.name
        if len(path) <= MAX_PARENT_LENGTH:
            around.append((definition.node.end_byte, path, definition.kind))
        if len(symbols) == MAX_SYMBOLS:
            return symbols, True
        symbols.append(_symbol(definition, parent, is_method=in_class or definition.owner is not None))
    return symbols, False


def _symbol(definition: _Definition, parent: str | None, *, is_method: bool) -> Symbol:
    kind = "method" if is_method and definition.kind == "function" else definition.kind
    start, end = definition.node.start_point, definition.node.end_point
    last = end.row if end.column == 0 and end.row > start.row else end.row + 1
    return Symbol(definition.name, kind, start.row + 1, last, parent)


def _definitions(found: Iterable[tuple[int, dict[str, list[Node]]]]) -> Iterable[_Definition]:
    """Each name once: where several patterns find it, as the first of them says."""
    by_name: dict[int, tuple[int, _Definition]] = {}
    for pattern, captures in found:
        kind = next((capture for capture in captures if capture in _KINDS), None)
        name = _name_node(captures) if kind else None
        if kind is None or name is None:
            continue
        known = by_name.get(name.start_byte)
        if known is None or pattern < known[0]:
            definition = _definition(kind, captures, name)
            if definition is not None:
                by_name[name.start_byte] = (pattern, definition)
    return [definition for _, definition in by_name.values()]


def _definition(kind: str, captures: dict[str, list[Node]], name: Node) -> _Definition | None:
    owner, written = _split(_text(name), is_type=kind not in {"function", "method"})
    if "receiver" in captures:
        owner = _receiver(_text(captures["receiver"][0]))
    return _Definition(written, kind, captures[kind][0], owner) if written else None


def _name_node(captures: dict[str, list[Node]]) -> Node | None:
    """The name itself, or what is inside of C's pointers, arrays and argument lists."""
    if "declarator" not in captures:
        names = captures.get("name")
        return names[0] if names else None
    node = captures["declarator"][0]
    for _ in range(_MAX_DECLARATORS):
        inner = node.child_by_field_name("declarator") or _inside_reference(node)
        if inner is None:
            return node
        node = inner
    return None


def _inside_reference(node: Node) -> Node | None:
    """C++ gives the declarator in `T& f()` no field name."""
    return node.named_children[-1] if node.type == "reference_declarator" and node.named_child_count else None


def _split(text: str, *, is_type: bool) -> tuple[str | None, str]:
    """Of `A::B::c` the owner `A.B` and the name `c`; type arguments and SQL's quotes left out."""
    if is_type:
        text = text.partition("<")[0]
    cleaned = " ".join(text.translate(_QUOTES).split())[:MAX_NAME_LENGTH]
    owner, _, name = cleaned.rpartition("::")
    return owner.replace("::", ".") or None, name


def _receiver(text: str) -> str | None:
    """Of Go's `(h *Handler[T])` the type."""
    words = text.strip("() \t\n").partition("[")[0].replace("*", " ").split()
    return words[-1][:MAX_NAME_LENGTH] if words else None


def _text(node: Node) -> str:
    return (node.text or b"")[: 4 * MAX_NAME_LENGTH].decode("utf-8", "replace")


_QUOTES = str.maketrans("", "", "\"'`")
