"""A project's Python files by what they define and import: a name in one is found in another. Nothing is run."""

import ast
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from docs_mgmt.generators.routes.reading import Reader

MAX_STEPS = 20
"""Names that stand for names, followed one after another."""
UNKNOWN = "…"


@dataclass(slots=True)
class PythonModule:
    """A file: the values of its top level by name (of a name that is added to, each value), imports as dotted names."""

    path: str
    body: list[ast.stmt]
    imports: dict[str, str] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    values: dict[str, list[ast.AST]] = field(default_factory=dict)
    calls: list[ast.Call] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Found:
    """What a name stands for and where that stands; `node` None is the whole file."""

    module: PythonModule
    node: ast.AST | None
    name: str


class PythonProject:
    """The files of one commit; each is parsed when it is first asked for."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._paths = frozenset(path for path in reader.paths if path.endswith(".py"))
        self._modules: dict[str, PythonModule | None] = {}
        self._found: dict[tuple[str, ...], Found | None] = {}

    def tell(self, path: str, reason: str) -> None:
        """Keeps what was not understood of a file."""
        self._reader.fail(path, reason)

    def module(self, path: str) -> PythonModule | None:
        """A file's module, None where it cannot be read or is not understood."""
        if path not in self._modules:
            tree = self._parsed(path)
            self._modules[path] = None if tree is None else read_module(path, tree)
        return self._modules[path]

    def modules(self, *hints: bytes) -> Iterator[PythonModule]:
        """The modules of files that contain one of the hints, in order."""
        for path in self._reader.with_hints(sorted(self._paths), hints):
            if module := self.module(path):
                yield module

    def find(self, module: PythonModule, parts: Sequence[str], steps: int = 0) -> Found | None:
        """What a dotted name in a module stands for, as far as the project's own files tell."""
        asked = (module.path, *parts)
        if asked in self._found or steps > MAX_STEPS:
            return self._found.get(asked)
        self._found[asked] = None  # until it is known: names that stand for each other end here
        self._found[asked] = self._find(module, parts, steps)
        return self._found[asked]

    def _find(self, module: PythonModule, parts: Sequence[str], steps: int) -> Found | None:
        head, rest = parts[0], parts[1:]
        if head in module.values:
            return self._inside(Found(module, module.values[head][0], head), rest, steps)
        if head in module.imports:
            return self.find_module(module.path, [*module.imports[head].split("."), *rest], steps)
        for star in module.stars:
            if found := self.find_module(module.path, [*star.split("."), *parts], steps + 1):
                return found
        return None

    def find_module(self, importer: str, parts: Sequence[str], steps: int = 0) -> Found | None:
        """The same of an absolute name, or a relative one, whose leading empty parts are its dots."""
        parts, folders = _import_folders(importer, parts)
        for length in range(len(parts), 0, -1):
            for folder in folders:
                path = self._path("/".join([*folder, *parts[:length]]))
                if (module := path and self.module(path)) is not None and module:
                    rest = parts[length:]
                    return self.find(module, rest, steps + 1) if rest else Found(module, None, parts[-1])
        return None

    def text(self, module: PythonModule, node: ast.AST | None, steps: int = 0) -> str | None:
        """The string that an expression stands for, with … for its unknown parts; None where nothing is known."""
        if steps > MAX_STEPS:
            return None
        match node:
            case ast.Constant(value=str(value)):
                return value
            case ast.JoinedStr(values=values):
                return self._together(module, values, steps)
            case ast.FormattedValue(value=value):
                return self.text(module, value, steps + 1)
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return self._together(module, [left, right], steps)
            case ast.Call(func=ast.Name(id="_" | "gettext_lazy" | "str"), args=[value]):
                return self.text(module, value, steps + 1)
        return self._text_of_name(module, node, steps)

    def _together(self, module: PythonModule, nodes: Sequence[ast.AST], steps: int) -> str | None:
        parts = [self.text(module, each, steps + 1) for each in nodes]
        return "".join(UNKNOWN if part is None else part for part in parts) if any(parts) or not parts else None

    def _text_of_name(self, module: PythonModule, node: ast.AST | None, steps: int) -> str | None:
        parts = dotted(node)
        found = self.find(module, parts) if parts else None
        return self.text(found.module, found.node, steps + 1) if found and found.node is not node else None

    def _inside(self, found: Found, rest: Sequence[str], steps: int) -> Found | None:
        """An attribute of a class, or of what a class makes."""
        if not rest:
            return found
        node = found.node
        if isinstance(node, ast.Call) and (parts := dotted(node.func)):
            made_by = self.find(found.module, parts, steps + 1)
            return self._inside(made_by, rest, steps + 1) if made_by and steps < MAX_STEPS else None
        if isinstance(node, ast.ClassDef):
            values = read_module(found.module.path, node.body).values
            if rest[0] in values:
                return self._inside(Found(found.module, values[rest[0]][0], rest[0]), rest[1:], steps + 1)
        return None

    def _path(self, stem: str) -> str | None:
        return next((path for path in (f"{stem}.py", f"{stem}/__init__.py") if path in self._paths), None)

    def _parsed(self, path: str) -> list[ast.stmt] | None:
        content = self._reader.content(path)
        if content is None:
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what Python thinks of others' escapes
                return ast.parse(content).body
        except SyntaxError as error:
            self._reader.fail(path, f"no Python that is understood (line {error.lineno or 1})")
        except (ValueError, RecursionError, MemoryError):
            self._reader.fail(path, "no Python that is understood")
        return None


def _import_folders(importer: str, parts: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """A name without its dots, and the folders that it may begin in: of a relative one its own, else any above it."""
    folder = importer.split("/")[:-1]
    dots = next((n for n, part in enumerate(parts) if part), len(parts))
    if dots:
        return list(parts[dots:]), [folder[: max(0, len(folder) - dots + 1)]]
    return list(parts), [folder[:length] for length in range(len(folder), -1, -1)] + [["src"]]


def read_module(path: str, body: list[ast.stmt]) -> PythonModule:
    """What statements define, import and call, those under `if`, `try` and `with` too, and nothing of functions."""
    module = PythonModule(path, body)
    for node in statements(body):
        match node:
            case ast.Import():
                for name in node.names:
                    module.imports[name.asname or name.name.partition(".")[0]] = (
                        name.name if name.asname else name.name.partition(".")[0]
                    )
            case ast.ImportFrom():
                _take_names(module, node)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                module.values.setdefault(node.name, []).append(node)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() if node.value is not None:
                _take_value(module, node, node.value)
            case ast.Expr(value=ast.Call() as call):
                module.calls.append(call)
                _take_call(module, call)
    return module


def _take_names(module: PythonModule, node: ast.ImportFrom) -> None:
    base = "." * node.level + (node.module or "")
    for name in node.names:
        if name.name == "*":
            module.stars.append(base)
        else:
            joint = "" if base.endswith(".") or not base else "."
            module.imports[name.asname or name.name] = f"{base}{joint}{name.name}"


def _take_value(module: PythonModule, node: ast.Assign | ast.AnnAssign | ast.AugAssign, value: ast.expr) -> None:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        if isinstance(target, ast.Name):
            module.values.setdefault(target.id, []).append(value)


def _take_call(module: PythonModule, call: ast.Call) -> None:
    """`names.append(value)` and `names.extend(values)` add a value."""
    match call:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append" | "insert"), args=[*_, value]):
            module.values.setdefault(name, []).append(ast.List([value]))
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="extend"), args=[value]):
            module.values.setdefault(name, []).append(value)


def statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body, those of its branches too, in order."""
    waiting = list(reversed(body))
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With | ast.AsyncWith):
            branches = [node.body, getattr(node, "orelse", []), *(one.body for one in getattr(node, "handlers", []))]
            waiting += [inner for branch in reversed(branches) for inner in reversed(branch)]


def dotted(node: ast.AST | None) -> list[str]:
    """The parts of `a.b.c`; none of anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else []


def argument(call: ast.Call, place: int, *names: str) -> ast.expr | None:
    """An argument of a call by its place or one of its names."""
    if place < len(call.args):
        return call.args[place]
    return next((each.value for each in call.keywords if each.arg in names), None)


def strings(node: ast.AST | None) -> list[str]:
    """The strings of a list, tuple or set, or the one string."""
    elements = node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else [node]
    return [each.value for each in elements if isinstance(each, ast.Constant) and isinstance(each.value, str)]
