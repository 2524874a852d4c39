"""Python files as data: their imports, constants and classes without the methods' bodies. Parsed, never run."""

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field


class PythonNotParsed(Exception):
    """A file that is no Python of this interpreter's grammar, or nested too deeply; the text says which."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """`name: annotation = value` in a class or at the top of a file."""

    name: str
    value: ast.expr | None
    annotation: ast.expr | None
    line: int


@dataclass(slots=True)
class PythonClass:
    """A class: its bases and keywords as they are written, assignments of its body, nested classes, functions."""

    name: str
    path: str
    line: int
    bases: list[ast.expr]
    keywords: dict[str, ast.expr]
    assignments: list[Assignment] = field(default_factory=list)
    nested: dict[str, "PythonClass"] = field(default_factory=dict)
    attributes: dict[str, ast.expr] = field(default_factory=dict)
    """What functions decorated as `declared_attr` return."""


@dataclass(slots=True)
class PythonModule:
    """A file: `imports` are the dotted names that local names stand for, `stars` modules imported whole."""

    path: str
    imports: dict[str, str] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    functions: dict[str, ast.expr] = field(default_factory=dict)
    """What functions return that return a call."""
    classes: dict[str, PythonClass] = field(default_factory=dict)


def parse_python(content: bytes | str) -> ast.Module:
    """The syntax tree; raises PythonNotParsed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on the escapes and comparisons of others' code
            return ast.parse(content)
    except SyntaxError as error:
        raise PythonNotParsed(f"it is no Python that is understood (line {error.lineno})") from None
    except (RecursionError, MemoryError):
        raise PythonNotParsed("its expressions are nested too deeply") from None
    except ValueError:
        raise PythonNotParsed("it is no Python that is understood") from None


def read_module(path: str, tree: ast.Module) -> PythonModule:
    """What a file holds at its top, also under `if` and `try`."""
    module = PythonModule(path)
    for node in _statements(tree.body):
        match node:
            case ast.Import():
                heads = {name.asname or _head(name.name): name for name in node.names}
                module.imports |= {head: name.name if name.asname else head for head, name in heads.items()}
            case ast.ImportFrom():
                _take_import(module, node)
            case ast.Assign() | ast.AnnAssign():
                module.constants.update({one.name: one.value for one in assignments(node) if one.value is not None})
            case ast.ClassDef():
                module.classes[node.name] = read_class(path, node)
            case ast.FunctionDef():
                _take_function(module, node)
    return module


def read_class(path: str, node: ast.ClassDef) -> PythonClass:
    """A class with all that its body assigns."""
    keywords = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    found = PythonClass(node.name, path, node.lineno, list(node.bases), keywords)
    for inner in _statements(node.body):
        match inner:
            case ast.Assign() | ast.AnnAssign():
                found.assignments += assignments(inner)
            case ast.ClassDef():
                found.nested[inner.name] = read_class(path, inner)
            case ast.FunctionDef() if any("declared_attr" in dotted(one) for one in inner.decorator_list):
                value = _returned(inner)
                if value is not None:
                    found.attributes[inner.name] = value
                    found.assignments.append(Assignment(inner.name, value, inner.returns, inner.lineno))
    return found


def assignments(node: ast.Assign | ast.AnnAssign) -> list[Assignment]:
    """The plain names that a statement gives a value, or a type."""
    if isinstance(node, ast.AnnAssign):
        target = node.target
        return [Assignment(target.id, node.value, node.annotation, node.lineno)] if isinstance(target, ast.Name) else []
    names = [target.id for target in node.targets if isinstance(target, ast.Name)]
    return [Assignment(name, node.value, None, node.lineno) for name in names]


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a chain of attributes (of a call: of what is called), "" of anything else."""
    parts: list[str] = []
    while True:
        match node:
            case ast.Attribute():
                parts.append(node.attr)
                node = node.value
            case ast.Call():
                node = node.func
            case ast.Subscript():
                node = node.value
            case ast.Name():
                return ".".join([node.id, *reversed(parts)])
            case _:
                return ""


def text_of(node: ast.expr, limit: int = 200) -> str:
    """An expression as it is written, in one line, cut at the limit."""
    try:
        written = " ".join(ast.unparse(node).split())
    except (RecursionError, ValueError):
        return "…"
    return written if len(written) <= limit else written[: limit - 1] + "…"


def string(node: ast.expr | None, constants: dict[str, ast.expr] | None = None) -> str | None:
    """The text of a string, of a constant's and of a sum of strings too; None of anything else."""
    return _string(node, constants or {}, depth=20)


def _string(node: ast.expr | None, constants: dict[str, ast.expr], depth: int) -> str | None:
    if node is None or depth == 0:
        return None
    match node:
        case ast.Constant(value=str()):
            return str(node.value)
        case ast.Name():
            return _string(constants.get(node.id), constants, depth - 1)
        case ast.BinOp(op=ast.Add()):
            parts = [_string(side, constants, depth - 1) for side in (node.left, node.right)]
        case ast.JoinedStr():
            parts = [
                _string(one.value if isinstance(one, ast.FormattedValue) else one, constants, depth - 1)
                for one in node.values
            ]
        case _:
            return None
    return None if None in parts else "".join(part for part in parts if part is not None)


def strings(node: ast.expr | None, constants: dict[str, ast.expr] | None = None) -> list[str]:
    """The strings of a list, tuple or set, of a single string too."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [one for one in (string(element, constants) for element in node.elts) if one is not None]
    if isinstance(node, ast.Name) and constants and isinstance(constants.get(node.id), ast.List | ast.Tuple):
        return strings(constants[node.id])
    found = string(node, constants)
    return [] if found is None else [found]


def truth(node: ast.expr | None, otherwise: bool = False) -> bool:
    """The value of `True` or `False`; the other one where it is neither."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, bool) else otherwise


def integer(node: ast.expr | None, constants: dict[str, ast.expr] | None = None) -> int | None:
    """The value of a whole number, also of a constant's."""
    if isinstance(node, ast.Name) and constants:
        node = constants.get(node.id)
    if isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
        return node.value
    return None


def keywords(call: ast.Call) -> dict[str, ast.expr]:
    """The named arguments of a call."""
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}


def _head(name: str) -> str:
    return name.partition(".")[0]


def _take_function(module: PythonModule, node: ast.FunctionDef) -> None:
    returned = _returned(node)
    if isinstance(returned, ast.Call):
        module.functions[node.name] = returned


def _returned(node: ast.FunctionDef) -> ast.expr | None:
    return next((one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value), None)


def _take_import(module: PythonModule, node: ast.ImportFrom) -> None:
    base = "." * node.level + (node.module or "")
    for name in node.names:
        if name.name == "*":
            module.stars.append(base)
        else:
            joint = "" if base.endswith(".") else "."
            module.imports[name.asname or name.name] = f"{base}{joint}{name.name}"


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body, those of its branches too."""
    waiting = list(reversed(body))
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            branches = [node.body, getattr(node, "orelse", []), *(one.body for one in getattr(node, "handlers", []))]
            waiting += [inner for branch in reversed(branches) for inner in reversed(branch)]
