"""What a file takes from elsewhere, as it is written: one reader for each language that has imports.

Written differently than in the source: Ruby's `require_relative "x"` is `./x`, Rust's `mod x;` is `self::x`, and a C
header in angle brackets keeps them.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from tree_sitter import Node

from projects.indexing.shapes import Import

MAX_IMPORTS = 1000
MAX_IMPORT_BYTES = 20_000
MAX_MODULE_LENGTH = 300
Found = Iterator[tuple[str, tuple[str, ...]]]

_FROM = re.compile(r"from ([.\w ]*?) ?\bimport\b(.*)", re.DOTALL)
_COMMENT = re.compile(r"#[^\n]*")
_QUOTED = re.compile(r"""(["'`])([^"'`\n]{0,300})\1""")
_RUBY_CALL = re.compile(r"(\w+)")
_DIRECTIVE = re.compile(r"\b(?:global|using|import|static|function|const|unsafe)\b")
_MODIFIERS = re.compile(r"^(?:pub ?(?:\([^)]*\))? ?)?(?:use|mod|extern crate) ")


def read_imports(nodes: Iterable[Node], language: str) -> tuple[list[Import], bool]:
    """The imports in the order of the file, and whether some were left out."""
    reader, imports = _READERS.get(language), list[Import]()
    for node in nodes if reader else ():
        text = (node.text or b"")[:MAX_IMPORT_BYTES].decode("utf-8", "replace")
        for module, names in reader(node, text) if reader else ():
            if len(imports) == MAX_IMPORTS:
                return imports, True
            if 0 < len(module) <= MAX_MODULE_LENGTH:
                imports.append(Import(module, names, node.start_point.row + 1))
    return imports, False


def _python(_: Node, text: str) -> Found:
    flat = " ".join(_COMMENT.sub("", text).replace("\\", " ").split())
    found = _FROM.fullmatch(flat)
    if found:
        yield found.group(1).replace(" ", ""), _names(found.group(2))
    else:
        yield from ((name, ()) for name in _names(flat.removeprefix("import ")))


def _names(text: str) -> tuple[str, ...]:
    """Of `(a as b, c)` the names `a` and `c`."""
    parts = (part.strip().partition(" as ")[0].strip() for part in text.strip("() ;").split(","))
    return tuple(part.strip("() ") for part in parts if part)


def _javascript(node: Node, text: str) -> Found:
    source = node.child_by_field_name("source")
    if source is None:
        quoted = _QUOTED.search(text)
        if quoted:
            yield quoted.group(2), ()
        return
    written = (source.text or b"").decode("utf-8", "replace").strip("\"'`")
    clause = text[: max(0, source.start_byte - node.start_byte)].removesuffix("from").strip()
    yield written, _clause_names(clause.rpartition("from")[0] or clause)


def _clause_names(clause: str) -> tuple[str, ...]:
    """Of `import a, { b as c, type D }` the names a, b and D; of `* as x` nothing."""
    words = re.sub(r"^(?:import|export)\b(?: type\b)?", "", clause)
    parts = (re.sub(r"^type ", "", part.strip()).partition(" as ")[0].strip() for part in re.split(r"[{},]", words))
    return tuple(part for part in parts if part.isidentifier())


def _quoted(_: Node, text: str) -> Found:
    found = _QUOTED.search(text)
    if found:
        yield found.group(2), ()


def _rust(node: Node, text: str) -> Found:
    flat = " ".join(text.split())
    written = _MODIFIERS.sub("", flat).rstrip("; ")
    if node.type == "mod_item":
        yield f"self::{written.rpartition(' ')[2]}", ()
    else:
        yield from ((module, ()) for module in _expanded(written, "::"))


def _java(_: Node, text: str) -> Found:
    yield "".join(_DIRECTIVE.sub("", text).split()).rstrip(";"), ()


def _csharp(_: Node, text: str) -> Found:
    yield "".join(_DIRECTIVE.sub("", text).rpartition("=")[2].split()).rstrip(";").removeprefix("::"), ()


def _c(node: Node, _: str) -> Found:
    path = node.child_by_field_name("path")
    if path is not None:
        yield (path.text or b"").decode("utf-8", "replace").strip('"'), ()


def _php(node: Node, text: str) -> Found:
    if node.type != "namespace_use_declaration":
        yield from _quoted(node, text)
        return
    written = re.sub(r"^use (?:function |const )?", "", " ".join(text.split())).rstrip("; ")
    for module in _expanded(written, "\\"):
        yield module.lstrip("\\"), ()


def _ruby(node: Node, text: str) -> Found:
    called, quoted = _RUBY_CALL.match(text), _QUOTED.search(text)
    if called and quoted:
        path = quoted.group(2)
        is_relative = called.group(1) == "require_relative" and not path.startswith(".")
        yield (f"./{path}" if is_relative else path), ()


def _expanded(text: str, separator: str) -> Iterator[str]:
    """Of `a::{b, c::{d, e as f}}` the paths a::b, a::c::d and a::c::e. In one pass, however deep."""
    prefixes, current = [""], ""
    for piece in re.split(r"([{},])", text):
        if piece == "{":
            prefixes.append((prefixes[-1] + current.strip())[:MAX_MODULE_LENGTH])
            current = ""
        elif piece in {",", "}"}:
            yield from _joined(prefixes[-1], current, separator)
            current = ""
            if piece == "}" and len(prefixes) > 1:
                prefixes.pop()
        else:
            current = piece
    yield from _joined(prefixes[-1], current, separator)


def _joined(prefix: str, written: str, separator: str) -> Iterator[str]:
    name = written.strip().partition(" as ")[0].strip()
    if name == "self":
        yield prefix.removesuffix(separator)
    elif name:
        yield (prefix + name).replace(" ", "")


_READERS: dict[str, Callable[[Node, str], Found]] = {
    "python": _python,
    "javascript": _javascript,
    "typescript": _javascript,
    "go": _quoted,
    "rust": _rust,
    "java": _java,
    "c": _c,
    "cpp": _c,
    "csharp": _csharp,
    "php": _php,
    "ruby": _ruby,
}
