"""Small questions about nodes of tree-sitter: their text, their parts, strings. No recursion: code may be deep."""

from collections.abc import Iterator

from tree_sitter import Node

MAX_HANDLER_CHARACTERS = 80


def text(node: Node | None) -> str:
    """What a node says, empty of none."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def line(node: Node) -> int:
    """The line it begins on, from 1."""
    return node.start_point[0] + 1


def walk(root: Node, *, into: frozenset[str] | None = None) -> Iterator[Node]:
    """All nodes below, in order."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if into is None or node is root or node.type not in into:
            waiting += reversed(node.named_children)


def arguments(call: Node) -> list[Node]:
    """The arguments of a call, without comments."""
    given = call.child_by_field_name("arguments")
    return [] if given is None else [each for each in given.named_children if each.type != "comment"]


def one_line(node: Node) -> str:
    """The text on one line, shortened."""
    written = " ".join(text(node).split())
    return written if len(written) <= MAX_HANDLER_CHARACTERS else f"{written[: MAX_HANDLER_CHARACTERS - 1]}…"


def joined(*parts: str) -> str:
    """An address of parts, with one slash between them and at its front; a slash at the end of the last stays."""
    path = ""
    for part in parts:
        if part:
            path = f"{path.rstrip('/')}/{part.lstrip('/')}"
    return path or "/"
