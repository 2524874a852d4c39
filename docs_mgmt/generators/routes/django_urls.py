"""Routes of Django: what `urlpatterns` hold, through every `include`, from the root that the settings name."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from docs_mgmt.generators.routes.django_views import methods_of, unwrapped
from docs_mgmt.generators.routes.drf_routers import is_router, router_routes
from docs_mgmt.generators.routes.python_project import (
    UNKNOWN,
    PythonModule,
    PythonProject,
    argument,
    dotted,
)
from docs_mgmt.generators.routes.regex_paths import regex_path
from docs_mgmt.generators.routes.shapes import Route
from docs_mgmt.generators.routes.tree import MAX_HANDLER_CHARACTERS, joined

MAX_ROUTES = 5_000
MAX_DEPTH = 12
PATTERNS = "urlpatterns"
_REGEX_CALLS = {"re_path", "url"}
_INCLUDES = {"include", "decorator_include"}


@dataclass(frozen=True, slots=True)
class _Patterns:
    """A list of patterns: an expression in a module."""

    module: PythonModule
    node: ast.AST


def django_routes(project: PythonProject) -> Iterator[Route]:
    """All routes, at most MAX_ROUTES. What nothing includes follows, its beginning unknown where there is a root."""
    walk = _Walk(project)
    modules = [module for module in project.modules(PATTERNS.encode()) if PATTERNS in module.values]
    roots = list(_named_roots(project))
    for root in roots:
        yield from walk.module(root, "")
    included = {name for module in modules for name in walk.included_by(module)}
    for module in modules:
        if module.path not in walk.seen and module.path not in included:
            yield from walk.module(module, UNKNOWN if roots else "")


def _named_roots(project: PythonProject) -> Iterator[PythonModule]:
    """The modules that settings name as ROOT_URLCONF, each once."""
    seen = set()
    for module in project.modules(b"ROOT_URLCONF"):
        for value in module.values.get("ROOT_URLCONF", ()):
            name = project.text(module, value)
            found = project.find_module(module.path, name.split(".")) if name else None
            if found and found.node is None and found.module.path not in seen:
                seen.add(found.module.path)
                yield found.module


class _Walk:
    """Goes through lists of patterns; an include that includes itself ends, and so do too many."""

    def __init__(self, project: PythonProject) -> None:
        self._project = project
        self._left = MAX_ROUTES
        self.seen: set[str] = set()

    def module(self, module: PythonModule, prefix: str) -> Iterator[Route]:
        """The routes of a module's `urlpatterns`."""
        yield from self._list(_Patterns(module, ast.Name(PATTERNS)), prefix, ())

    def included_by(self, module: PythonModule) -> Iterator[str]:
        """The paths of the modules that a module includes by name."""
        for values in module.values.values():
            for node in (each for value in values for each in ast.walk(value)):
                if isinstance(node, ast.Call) and _name(node) in _INCLUDES:
                    target = self._included(module, node)
                    if target is not None and isinstance(target.node, ast.Name):
                        yield target.module.path

    def _list(self, patterns: _Patterns, prefix: str, above: tuple[str, ...]) -> Iterator[Route]:
        """What is in a list, of every shape that adds to one. `above` are the includes that led here."""
        self.seen.add(patterns.module.path)
        waiting, opened = [patterns], set[tuple[str, str]]()
        while waiting and self._left > 0:
            here = waiting.pop()
            if isinstance(here.node, ast.Call) and _is_pattern(here.node):
                yield from self._pattern(here.module, here.node, prefix, above)
                continue
            router = self._router(here)
            if router is not None:
                yield from self._counted(router_routes(self._project, *router, prefix))
                continue
            waiting += reversed(list(self._parts(here, opened)))

    def _parts(self, here: _Patterns, opened: set[tuple[str, str]]) -> Iterator[_Patterns]:
        module, node = here.module, here.node
        match node:
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                yield from (_Patterns(module, part) for part in parts)
            case ast.Starred(value=part) | ast.ListComp(elt=part) | ast.GeneratorExp(elt=part):
                yield _Patterns(module, part)
            case ast.BinOp(left=left, right=right):
                yield from (_Patterns(module, part) for part in (left, right))
            case ast.Call(args=parts) if self._is_known(module, node):
                yield from (_Patterns(module, part) for part in parts if not isinstance(part, ast.Constant))
            case ast.Name() | ast.Attribute():
                yield from self._named(module, node, opened)

    def _is_known(self, module: PythonModule, call: ast.Call) -> bool:
        """Whether it is Django's, as `i18n_patterns` and others that wrap lists; the project's own are told."""
        found = self._project.find(module, dotted(call.func)) if dotted(call.func) else None
        if found is None or not isinstance(found.node, ast.FunctionDef):
            return True
        self._project.tell(module.path, f"read in part: the routes that {found.name}() makes are not known")
        return False

    def _named(self, module: PythonModule, node: ast.AST, opened: set[tuple[str, str]]) -> Iterator[_Patterns]:
        found = self._project.find(module, dotted(node)) if dotted(node) else None
        if found is None or (key := (found.module.path, found.name)) in opened:
            return
        opened.add(key)
        if found.node is None:
            yield _Patterns(found.module, ast.Name(PATTERNS))
        else:
            yield from (_Patterns(found.module, value) for value in found.module.values.get(found.name, ()))

    def _pattern(self, module: PythonModule, call: ast.Call, prefix: str, above: tuple[str, ...]) -> Iterator[Route]:
        written = self._project.text(module, argument(call, 0, "route", "regex"))
        part = UNKNOWN if written is None else regex_path(written) if _name(call) in _REGEX_CALLS else written
        path, view = f"{prefix}{part}", argument(call, 1, "view")
        target = self._included(module, view)
        if target is None and isinstance(view, ast.Call) and _name(view) in _INCLUDES:
            others = (self._project.text(module, view.args[0]) if view.args else None) or ""
            yield Route(
                joined(f"{path}{UNKNOWN}"), "ANY", others[:MAX_HANDLER_CHARACTERS], module.path, call.lineno, "django"
            )
        elif target is None:
            yield from self._counted(self._route(module, call, path, view))
        elif (key := _key(target)) not in above and len(above) < MAX_DEPTH:
            yield from self._list(target, path, (*above, key))

    def _included(self, module: PythonModule, view: ast.AST | None) -> _Patterns | None:
        """The patterns that a view stands for: of `include(…)`, and of a router's `urls`."""
        if isinstance(view, ast.Attribute) and self._router(_Patterns(module, view)):
            return _Patterns(module, view)
        if not isinstance(view, ast.Call) or _name(view) not in _INCLUDES or not view.args:
            return None
        target: ast.AST = view.args[-1] if _name(view) == "decorator_include" else view.args[0]
        if isinstance(target, ast.Tuple) and target.elts:
            target = target.elts[0]
        name = self._project.text(module, target)
        if name is None:
            return _Patterns(module, target)
        found = self._project.find_module(module.path, name.split("."))
        return _Patterns(found.module, ast.Name(PATTERNS)) if found and found.node is None else None

    def _router(self, here: _Patterns) -> tuple[PythonModule, str] | None:
        """The module and name of the router whose `urls` this is."""
        parts = dotted(here.node)
        found = self._project.find(here.module, parts[:-1]) if len(parts) > 1 and parts[-1] == "urls" else None
        return (found.module, found.name) if found and is_router(found.node) else None

    def _route(self, module: PythonModule, call: ast.Call, path: str, view: ast.expr | None) -> Iterator[Route]:
        handler, parts = unwrapped(view)
        found = self._project.find(module, parts) if parts else None
        source = found.module.path if found and found.node is not None else None
        for method, action in methods_of(self._project, module, found, view):
            name = f"{handler}.{action}" if action else handler
            yield Route(joined(path), method, name, module.path, call.lineno, "django", source)

    def _counted(self, routes: Iterator[Route]) -> Iterator[Route]:
        for route in routes:
            if self._left <= 0:
                return
            self._left -= 1
            yield route


def _key(patterns: _Patterns) -> str:
    """What tells one list from others: its name, or where it is written."""
    node = patterns.node
    place = ".".join(dotted(node)) or f"{getattr(node, 'lineno', 0)}:{getattr(node, 'col_offset', 0)}"
    return f"{patterns.module.path} {place}"


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _is_pattern(call: ast.Call) -> bool:
    return _name(call) in {"path", *_REGEX_CALLS}
