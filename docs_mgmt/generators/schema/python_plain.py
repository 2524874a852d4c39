"""Newer Python made plain enough for this interpreter's parser: what declares no tables is blanked, lines stay."""

from functools import cache

import tree_sitter_python
from tree_sitter import Language, Node, Parser

from docs_mgmt.generators.schema.trees import descendants, text_of

KEPT = frozenset({"upgrade"})  # functions whose bodies are read


@cache
def _language() -> Language:
    return Language(tree_sitter_python.language())


def plain_python(content: bytes) -> bytes:
    """The same lines without the bodies of functions, parameters of types and `type` statements."""
    plain = bytearray(content)
    tree = Parser(_language()).parse(content).root_node
    for node in descendants(tree, "type_parameter", "type_alias_statement", "function_definition"):
        if node.type == "type_parameter":
            if node.parent is not None and node.parent.type in {"class_definition", "function_definition"}:
                _blank(plain, node, b"")
        elif node.type == "type_alias_statement":
            _blank(plain, node, b"0")
        elif not _is_kept(node) and (body := node.child_by_field_name("body")) is not None:
            _blank(plain, body, b"0")
    return bytes(plain)


def _is_kept(node: Node) -> bool:
    decorated = node.parent if node.parent is not None and node.parent.type == "decorated_definition" else None
    marks = (
        [] if decorated is None else [text_of(child) for child in decorated.named_children if child.type == "decorator"]
    )
    return text_of(node.child_by_field_name("name")) in KEPT or any("declared_attr" in mark for mark in marks)


def _blank(plain: bytearray, node: Node, instead: bytes) -> None:
    """Put spaces for all but line breaks, and at the beginning what stands in its place."""
    start, end = node.start_byte, node.end_byte
    blanked = bytes(one if one in b"\r\n" else 0x20 for one in plain[start:end])
    plain[start:end] = (instead + blanked[len(instead) :])[: end - start]
