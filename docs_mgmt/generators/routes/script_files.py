"""JavaScript and TypeScript files by what they declare, import and export: a name in one is found in another."""

import posixpath
from dataclasses import dataclass, field

from tree_sitter import Node

from docs_mgmt.generators.routes.reading import Reader
from docs_mgmt.generators.routes.tree import arguments, text, walk

SUFFIXES = (".ts", ".js", ".tsx", ".jsx", ".mts", ".mjs", ".cts", ".cjs")
WHOLE = "*"
_FUNCTIONS = {"function_declaration", "function_expression", "arrow_function", "method_definition"}


@dataclass(frozen=True, slots=True)
class Place:
    """A node and the file that it stands in."""

    path: str
    node: Node


@dataclass(slots=True)
class Script:
    """A file: values of names wherever they are declared (the first counts), imports as module and name, exports."""

    path: str
    root: Node
    values: dict[str, Node] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    exports: dict[str, Node] = field(default_factory=dict)


class Scripts:
    """The files of one commit; each is parsed when it is first asked for."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._paths = frozenset(reader.ending(*SUFFIXES))
        self._scripts: dict[str, Script | None] = {}

    def script(self, path: str) -> Script | None:
        """A file, None where it is not read."""
        if path not in self._scripts:
            language = "tsx" if path.endswith("x") else "typescript" if "ts" in path[-4:] else "javascript"
            root = self._reader.tree(path, language)
            self._scripts[path] = None if root is None else _read(path, root)
        return self._scripts[path]

    def scripts(self, *hints: bytes) -> list[Script]:
        """Those that contain one of the hints, in order."""
        paths = self._reader.with_hints(sorted(self._paths), hints)
        return [script for path in paths if (script := self.script(path))]

    def exported(self, importer: str, module: str, name: str) -> Place | None:
        """What a module of the project exports by that name; its `module.exports` and default one are the same."""
        path = self._resolved(importer, module)
        script = self.script(path) if path else None
        if script is None:
            return None
        node = script.exports.get(name) or (script.exports.get("default") if name == WHOLE else None)
        return Place(script.path, node) if node else None

    def _resolved(self, importer: str, module: str) -> str | None:
        if module.startswith("."):
            stem = posixpath.normpath(posixpath.join(posixpath.dirname(importer), module))
        elif module.startswith(("@/", "~/")):
            stem = f"src/{module[2:]}"
        else:
            return None
        without = posixpath.splitext(stem)[0] if stem.endswith(SUFFIXES) else stem
        tried = (stem, *(f"{base}{end}" for base in (stem, without, f"{stem}/index") for end in SUFFIXES))
        return next((path for path in tried if path in self._paths), None)


def _read(path: str, root: Node) -> Script:
    script = Script(path, root)
    for node in walk(root):
        match node.type:
            case "variable_declarator":
                _take_declared(script, node)
            case "import_statement":
                _take_import(script, node)
            case "export_statement":
                _take_export(script, node)
            case "assignment_expression":
                _take_assignment(script, node)
            case "function_declaration":
                script.values.setdefault(text(node.child_by_field_name("name")), node)
    return script


def _take_declared(script: Script, node: Node) -> None:
    name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    if name is None or value is None:
        return
    module = required(value)
    if name.type == "identifier":
        if module is not None:
            script.imports.setdefault(text(name), (module, WHOLE))
        else:
            script.values.setdefault(text(name), value)
    elif name.type == "object_pattern" and module is not None:
        for each in name.named_children:
            local = each.child_by_field_name("value") or each
            key = each.child_by_field_name("key") or each
            script.imports.setdefault(text(local), (module, text(key)))


def required(node: Node) -> str | None:
    """The module of `require("…")`."""
    if node.type == "call_expression" and text(node.child_by_field_name("function")) == "require":
        return string(arguments(node)[0]) if arguments(node) else None
    return None


def _take_import(script: Script, node: Node) -> None:
    module = string(node.child_by_field_name("source"))
    for each in walk(node):
        if module is None:
            return
        if each.type == "import_specifier":
            name = each.child_by_field_name("name")
            script.imports[text(each.child_by_field_name("alias") or name)] = (module, text(name))
        elif each.type == "namespace_import":
            script.imports[text(each.named_children[0])] = (module, WHOLE)
        elif each.type == "import_clause" and each.named_children[0].type == "identifier":
            script.imports[text(each.named_children[0])] = (module, "default")


def _take_export(script: Script, node: Node) -> None:
    value, declared = node.child_by_field_name("value"), node.child_by_field_name("declaration")
    is_default = any(child.type == "default" for child in node.children)
    if is_default and (value or declared):
        script.exports["default"] = value or declared or node
    elif declared is not None:
        for each in declared.named_children:
            if each.type == "variable_declarator" and (made := each.child_by_field_name("value")):
                script.exports[text(each.child_by_field_name("name"))] = made
        if declared.type == "function_declaration":
            script.exports[text(declared.child_by_field_name("name"))] = declared
    else:
        for each in (each for each in walk(node) if each.type == "export_specifier"):
            name = each.child_by_field_name("name")
            if name is not None:
                script.exports[text(each.child_by_field_name("alias") or name)] = name


def _take_assignment(script: Script, node: Node) -> None:
    """`module.exports = …`, `exports.name = …`; another name that is assigned has that value."""
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        return
    name = text(left)
    if name == "module.exports":
        script.exports["default"] = right
        _take_members(script, right)
    elif name.startswith(("exports.", "module.exports.")):
        script.exports[name.rpartition(".")[2]] = right
    elif left.type == "identifier":
        script.values.setdefault(name, right)


def _take_members(script: Script, node: Node) -> None:
    for each in node.named_children if node.type == "object" else ():
        if each.type == "shorthand_property_identifier":
            script.exports[text(each)] = each
        elif each.type == "pair" and (value := each.child_by_field_name("value")):
            script.exports[text(each.child_by_field_name("key"))] = value


def string(node: Node | None) -> str | None:
    """The text of a string; of a template too, with `…` for what it puts in."""
    if node is None or node.type not in {"string", "template_string"}:
        return None
    if not any(child.type == "template_substitution" for child in node.named_children):
        return text(node)[1:-1]
    parts = (text(child) if child.type != "template_substitution" else "…" for child in node.named_children)
    return "".join(parts)


def is_function(node: Node) -> bool:
    """Whether it is a function, with or without a name."""
    return node.type in _FUNCTIONS
