"""Routes of Flask and FastAPI: what is said of an app, a blueprint or a router, below their prefixes."""

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from docs_mgmt.generators.routes.django_views import METHODS, functions, unwrapped
from docs_mgmt.generators.routes.mounting import Mount, Mounts, RouterKey
from docs_mgmt.generators.routes.python_project import (
    UNKNOWN,
    PythonModule,
    PythonProject,
    argument,
    dotted,
    read_module,
    strings,
)
from docs_mgmt.generators.routes.shapes import Route
from docs_mgmt.generators.routes.tree import joined

MAX_ROUTES = 5_000
HINTS = (b"flask", b"fastapi", b"APIRouter", b"Blueprint", b"@app.", b"@bp.", b"@router.", b"@blueprint.", b"@api.")
_FRAMEWORKS = {"Flask": "flask", "Blueprint": "flask", "APIBlueprint": "flask", "FastAPI": "fastapi"}
_VERBS = {"get", "post", "put", "patch", "delete", "head", "options"}
_ADDERS = {"add_url_rule", "add_api_route", "add_route", "add_websocket_route"}
_MOUNTERS = {"register_blueprint", "include_router", "mount"}


@dataclass(frozen=True, slots=True)
class _Said:
    """A route as it is said, below the prefixes of its router."""

    router: RouterKey
    path: str
    methods: tuple[str, ...]
    handler: str
    source: str
    line: int
    handler_source: str | None


@dataclass(slots=True)
class _Known:
    """The routers of all files, by file and name: their frameworks, and their own prefixes in `mounts`."""

    frameworks: dict[RouterKey, str] = field(default_factory=dict)
    mounts: Mounts = field(default_factory=Mounts)


def router_routes(project: PythonProject) -> Iterator[Route]:
    """All routes of both, at most MAX_ROUTES."""
    modules = [_with_inner_imports(module) for module in project.modules(*HINTS)]
    known = _Known()
    for module in modules:
        _take_routers(project, module, known)
    for module in modules:
        _take_mounts(project, module, known)
    routes = (route for module in modules for said in _said(project, module, known) for route in _routes(said, known))
    yield from itertools.islice(routes, MAX_ROUTES)


def _routes(said: _Said, known: _Known) -> Iterator[Route]:
    for prefix in known.mounts.prefixes(said.router):
        path, framework = joined(prefix, said.path), known.frameworks[said.router]
        for method in said.methods:
            yield Route(path, method, said.handler, said.source, said.line, framework, said.handler_source)


def _with_inner_imports(module: PythonModule) -> PythonModule:
    """A factory imports the blueprints that it registers: those of functions count as the file's."""
    inner = [each for node in module.body for each in ast.walk(node) if isinstance(each, ast.Import | ast.ImportFrom)]
    imports = read_module(module.path, [*inner]).imports | module.imports
    return PythonModule(module.path, module.body, imports, module.stars, module.values, module.calls)


def _take_routers(project: PythonProject, module: PythonModule, known: _Known) -> None:
    for node in (each for statement in module.body for each in ast.walk(statement)):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            made = (dotted(node.value.func) or [""])[-1]
            framework = _FRAMEWORKS.get(made) or ("fastapi" if made.endswith("APIRouter") else None)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if framework and isinstance(target, ast.Name):
                    key = (module.path, target.id)
                    known.frameworks[key] = framework
                    known.mounts.own[key] = _prefix(project, module, node.value, "url_prefix", "prefix") or ""


def _prefix(project: PythonProject, module: PythonModule, call: ast.Call, *names: str) -> str | None:
    given = argument(call, 99, *names)
    if given is None or (isinstance(given, ast.Constant) and given.value is None):
        return None
    text = project.text(module, given)
    return UNKNOWN if text is None else text


def _take_mounts(project: PythonProject, module: PythonModule, known: _Known) -> None:
    for call in _calls(module):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _MOUNTERS or not call.args:
            continue
        parent = _router(project, module, call.func.value, known, is_certain=False)
        child = _router(project, module, call.args[-1 if call.func.attr == "mount" else 0], known, is_certain=True)
        if parent is None or child is None:
            continue
        given = _prefix(project, module, call, "url_prefix", "prefix")
        if call.func.attr == "mount":
            given = project.text(module, call.args[0]) or UNKNOWN
        is_instead = given is not None and call.func.attr == "register_blueprint"
        known.mounts.add(Mount(parent, child, given or "", replaces_own=is_instead))


def _calls(module: PythonModule) -> Iterator[ast.Call]:
    for node in (each for statement in module.body for each in ast.walk(statement)):
        if isinstance(node, ast.Call):
            yield node


def _router(
    project: PythonProject, module: PythonModule, node: ast.AST, known: _Known, *, is_certain: bool
) -> RouterKey | None:
    """The router of an expression. One that nobody is seen to make, as a parameter `app`, is one of the file's own."""
    parts = dotted(node)
    if not parts:
        return None
    if len(parts) == 1 and (module.path, parts[0]) in known.frameworks:
        return module.path, parts[0]
    found = project.find(module, parts)
    if found and (found.module.path, found.name) in known.frameworks:
        return found.module.path, found.name
    if found or is_certain or len(parts) > 1:
        return None
    imports = " ".join(module.imports.values())
    framework = next((each for each in ("fastapi", "flask") if each in imports), None)
    if framework is None:
        return None
    known.frameworks[module.path, parts[0]] = framework
    return module.path, parts[0]


def _said(project: PythonProject, module: PythonModule, known: _Known) -> Iterator[_Said]:
    for node in (each for statement in module.body for each in ast.walk(statement)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                yield from _of_decorator(project, module, decorator, node, known)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield from _of_call(project, module, node, node.func, known)


def _of_decorator(
    project: PythonProject,
    module: PythonModule,
    decorator: ast.expr,
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
    known: _Known,
) -> Iterator[_Said]:
    if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
        return
    verb = decorator.func.attr
    if verb not in _VERBS | {"route", "api_route", "websocket", "trace"}:
        return
    given = argument(decorator, 0, "rule", "path")
    router = _router(project, module, decorator.func.value, known, is_certain=False)
    if router is None or given is None:
        return
    path = project.text(module, given)
    methods = _methods(verb, argument(decorator, 99, "methods"))
    yield _Said(
        router, UNKNOWN if path is None else path, methods, node.name, module.path, decorator.lineno, module.path
    )


def _methods(verb: str, given: ast.expr | None) -> tuple[str, ...]:
    if verb in _VERBS:
        return (verb.upper(),)
    if verb == "websocket" or verb == "add_websocket_route":
        return ("WEBSOCKET",)
    return tuple(each.upper() for each in strings(given)) or ("GET",)


def _of_call(
    project: PythonProject, module: PythonModule, call: ast.Call, function: ast.Attribute, known: _Known
) -> Iterator[_Said]:
    if function.attr not in {*_ADDERS, "add_resource"} or not call.args:
        return
    router = _router(project, module, function.value, known, is_certain=False)
    if router is None:
        return
    if function.attr == "add_resource":
        yield from _resource(project, module, call, router)
    else:
        yield _added(project, module, call, function.attr, router)


def _added(project: PythonProject, module: PythonModule, call: ast.Call, adder: str, router: RouterKey) -> _Said:
    """`app.add_url_rule("/x", "name", view)` and `app.add_api_route("/x", view)`."""
    view = argument(call, 2 if adder == "add_url_rule" else 1, "view_func", "endpoint", "route")
    handler, parts = unwrapped(view)
    found = project.find(module, parts) if parts else None
    given = argument(call, 99, "methods")
    methods = _methods(adder, given)
    if found and isinstance(found.node, ast.ClassDef) and given is None:
        methods = _of_class(found.node) or methods
    path = project.text(module, call.args[0])
    source = found.module.path if found and found.node else None
    name = handler or "".join(strings(view))
    return _Said(router, UNKNOWN if path is None else path, methods, name, module.path, call.lineno, source)


def _of_class(node: ast.ClassDef) -> tuple[str, ...]:
    defined = {name.upper() for name in functions(node)}
    return tuple(method for method in METHODS if method in defined)


def _resource(project: PythonProject, module: PythonModule, call: ast.Call, router: RouterKey) -> Iterator[_Said]:
    """`api.add_resource(View, "/x", "/y")` of Flask-RESTful."""
    parts = dotted(call.args[0])
    found = project.find(module, parts) if parts else None
    if found is None or not isinstance(found.node, ast.ClassDef):
        return
    methods = _of_class(found.node) or ("ANY",)
    for path in (text for each in call.args[1:] if (text := project.text(module, each)) is not None):
        yield _Said(router, path, methods, ".".join(parts), module.path, call.lineno, found.module.path)
