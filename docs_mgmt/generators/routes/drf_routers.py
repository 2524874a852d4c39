"""Routes of the routers of Django REST framework: what is registered, by the actions that a view set has."""

import ast
from collections.abc import Iterator

from docs_mgmt.generators.routes.django_views import class_and_bases, functions
from docs_mgmt.generators.routes.python_project import (
    UNKNOWN,
    Found,
    PythonModule,
    PythonProject,
    argument,
    dotted,
    strings,
)
from docs_mgmt.generators.routes.shapes import Route
from docs_mgmt.generators.routes.tree import joined

MAX_NESTING = 5
_LIST = {"list": "GET", "create": "POST"}
_DETAIL = {"retrieve": "GET", "update": "PUT", "partial_update": "PATCH", "destroy": "DELETE"}
_OF_BASES = {
    "ModelViewSet": [*_LIST, *_DETAIL],
    "ReadOnlyModelViewSet": ["list", "retrieve"],
    "ListModelMixin": ["list"],
    "CreateModelMixin": ["create"],
    "RetrieveModelMixin": ["retrieve"],
    "UpdateModelMixin": ["update", "partial_update"],
    "DestroyModelMixin": ["destroy"],
}


def is_router(node: ast.AST | None) -> bool:
    """Whether a value is a router: what a class whose name ends so makes."""
    return isinstance(node, ast.Call) and (dotted(node.func) or [""])[-1].endswith("Router")


def router_routes(project: PythonProject, module: PythonModule, name: str, prefix: str) -> Iterator[Route]:
    """The routes of what is registered with a module's router."""
    made = module.values[name][0]
    end = "/" if _has_slash(made) else ""
    base = f"{prefix}{_nesting(project, module, made)}"
    for call in module.calls:
        if dotted(call.func) == [name, "register"] and len(call.args) > 1:
            part = project.text(module, call.args[0])
            path = joined(base, UNKNOWN if part is None else part.strip("/"))
            yield from _view_set(project, module, call, path, end)


def _has_slash(made: ast.AST) -> bool:
    given = argument(made, 99, "trailing_slash") if isinstance(made, ast.Call) else None
    return not (isinstance(given, ast.Constant) and given.value is False)


def _nesting(project: PythonProject, module: PythonModule, made: ast.AST, depth: int = 0) -> str:
    """What stands before the routes of a nested router (drf-nested-routers): its parent's register and key."""
    if not isinstance(made, ast.Call) or len(made.args) < 2 or depth > MAX_NESTING:
        return ""
    part, lookup = project.text(module, made.args[1]), project.text(module, argument(made, 99, "lookup"))
    parent = project.find(module, dotted(made.args[0])) if dotted(made.args[0]) else None
    above = _nesting(project, parent.module, parent.node, depth + 1) if parent and parent.node else ""
    return joined(above, part or UNKNOWN, f"{{{lookup}_pk}}" if lookup else UNKNOWN, "/").lstrip("/")


def _view_set(project: PythonProject, module: PythonModule, call: ast.Call, path: str, end: str) -> Iterator[Route]:
    parts = dotted(call.args[1])
    found = project.find(module, parts) if parts else None
    handler = ".".join(parts)
    if found is None or not isinstance(found.node, ast.ClassDef):
        yield Route(f"{path}{end}", "ANY", handler, module.path, call.lineno, "django")
        return
    for address, method, action in _actions(project, found, path):
        source = found.module.path
        yield Route(f"{address}{end}", method, f"{handler}.{action}", module.path, call.lineno, "django", source)


def _actions(project: PythonProject, found: Found, path: str) -> Iterator[tuple[str, str, str]]:
    """Address, method and action of each."""
    named: dict[str, None] = {}
    methods: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
    key = "pk"
    for each in reversed(list(class_and_bases(project, found))):
        if isinstance(each.node, ast.ClassDef):
            bases = (dotted(base.value if isinstance(base, ast.Subscript) else base) for base in each.node.bases)
            named |= dict.fromkeys(a for base in bases if base for a in _OF_BASES.get(base[-1], ()))
            methods |= functions(each.node)
            key = _key(project, each) or key
    detail = f"{path}/{{{key}}}"
    known = {*named, *methods}
    yield from ((path, method, action) for action, method in _LIST.items() if action in known)
    yield from ((detail, method, action) for action, method in _DETAIL.items() if action in known)
    for name, function in methods.items():
        for decorator in function.decorator_list:
            yield from _extra(decorator, name, path, detail)


def _key(project: PythonProject, found: Found) -> str | None:
    parts = ("lookup_url_kwarg", "lookup_field")
    values = (project.find(found.module, [found.name, part]) for part in parts)
    return next((text for each in values if each and (text := project.text(each.module, each.node))), None)


def _extra(decorator: ast.expr, name: str, path: str, detail: str) -> Iterator[tuple[str, str, str]]:
    """Of `@action(detail=…, methods=…, url_path=…)` and `@other.mapping.delete`."""
    if not isinstance(decorator, ast.Call) or (dotted(decorator.func) or [""])[-1] != "action":
        return
    given = argument(decorator, 1, "detail")
    is_detail = isinstance(given, ast.Constant) and given.value is True
    part = (strings(argument(decorator, 99, "url_path")) or [name])[0]
    for method in strings(argument(decorator, 0, "methods")) or ["get"]:
        yield joined(detail if is_detail else path, part), method.upper(), name
