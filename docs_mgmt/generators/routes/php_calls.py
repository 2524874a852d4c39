"""PHP statements as chains of calls: `Route::prefix('x')->group(…)` is `prefix`, then `group`."""

from dataclasses import dataclass

from tree_sitter import Node

from docs_mgmt.generators.routes.tree import arguments, text, walk


@dataclass(frozen=True, slots=True)
class PhpCall:
    """One call of a chain; `owner` is the class that the chain begins at."""

    owner: str
    name: str
    given: tuple[Node, ...]


def chain(node: Node) -> list[PhpCall]:
    """The calls of a statement that is a chain from a class, in order; none of anything else."""
    here: Node | None = node.named_children[0] if node.type == "expression_statement" and node.named_children else node
    found: list[tuple[str, tuple[Node, ...]]] = []
    while here is not None and here.type in {"member_call_expression", "scoped_call_expression"}:
        given = tuple(each.named_children[-1] for each in arguments(here) if each.named_children)
        found.append((text(here.child_by_field_name("name")), given))
        if here.type == "scoped_call_expression":
            owner = text(here.child_by_field_name("scope")).rpartition("\\")[2]
            return [PhpCall(owner, name, given) for name, given in reversed(found)]
        here = here.child_by_field_name("object")
    return []


def strings(node: Node | None) -> list[str]:
    """The text of a string, those of an array's own strings; what a string puts in is `…`."""
    if node is None:
        return []
    if node.type in {"string", "encapsed_string"}:
        known = {"string_content", "escape_sequence"}
        return ["".join(text(each) if each.type in known else "…" for each in node.named_children)]
    if node.type == "binary_expression":
        return ["".join((strings(each) or ["…"])[0] for each in _summands(node))]
    if node.type == "array_creation_expression":
        values = (each.named_children[-1] for each in node.named_children if each.named_children)
        return [found for value in values if "string" in value.type for found in strings(value)]
    return []


def _summands(node: Node) -> list[Node]:
    """The parts of `'a' . $b . 'c'`."""
    found: list[Node] = []
    while node.type == "binary_expression" and len(node.named_children) > 1:
        found.append(node.named_children[-1])
        node = node.named_children[0]
    return [part for part in reversed([*found, node]) if part.type != "binary_expression"]


def class_name(node: Node | None) -> str | None:
    """The class of `Name::class`, and of an array that begins with it."""
    if node is None:
        return None
    if node.type == "array_creation_expression" and node.named_children and node.named_children[0].named_children:
        return class_name(node.named_children[0].named_children[0])
    return text(node.named_children[0]) if node.type == "class_constant_access_expression" else None


def uses(root: Node) -> dict[str, str]:
    """The whole names of classes by the short ones that a file gives them."""
    found: dict[str, str] = {}
    for node in root.named_children:
        if node.type != "namespace_use_declaration":
            continue
        base = next((f"{text(each)}\\" for each in node.named_children if each.type == "namespace_name"), "")
        for clause in (each for each in walk(node) if each.type == "namespace_use_clause"):
            alias = text(clause.child_by_field_name("alias"))
            name = text(clause.named_children[0])
            found[alias or name.rpartition("\\")[2]] = f"{base}{name}"
    return found
