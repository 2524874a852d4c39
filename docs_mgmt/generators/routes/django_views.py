"""What a view of Django or Django REST framework is called, and which methods it answers, as far as its text tells."""

import ast
from collections.abc import Iterator

from docs_mgmt.generators.routes.python_project import Found, PythonModule, PythonProject, dotted, statements, strings

ANY = "ANY"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MAX_BASES = 50
_DECORATORS = {
    "require_GET": ["GET"],
    "require_POST": ["POST"],
    "require_safe": ["GET"],
}
_LISTING_DECORATORS = {"require_http_methods", "api_view"}
_READ_ONLY = "TemplateView ListView DetailView RedirectView ListAPIView RetrieveAPIView ArchiveIndexView"
_FORMS = "FormView CreateView UpdateView DeleteView LoginView LogoutView"
_BASES = {
    **{name: ["GET"] for name in _READ_ONLY.split()},
    **{name: ["GET", "POST"] for name in _FORMS.split()},
    "CreateAPIView": ["POST"],
    "DestroyAPIView": ["DELETE"],
    "UpdateAPIView": ["PUT", "PATCH"],
    "ListCreateAPIView": ["GET", "POST"],
    "RetrieveUpdateAPIView": ["GET", "PUT", "PATCH"],
    "RetrieveDestroyAPIView": ["GET", "DELETE"],
    "RetrieveUpdateDestroyAPIView": ["GET", "PUT", "PATCH", "DELETE"],
}
"""What the frameworks' own classes answer."""


def unwrapped(view: ast.AST | None) -> tuple[str, list[str]]:
    """A view as it is called, without `as_view()` and what wraps it; and the parts of its name, none where it has none.

    `login_required(views.Home.as_view())` is `views.Home`.
    """
    for _ in range(10):
        if not isinstance(view, ast.Call):
            break
        if isinstance(view.func, ast.Attribute) and view.func.attr == "as_view":
            view = view.func.value
        elif len(view.args) == 1 or (view.args and not isinstance(view.args[0], ast.Constant)):
            view = view.args[-1] if isinstance(view.args[0], ast.Constant) else view.args[0]
        else:
            view = view.func
    parts = dotted(view)
    if parts:
        return ".".join(parts), parts
    return ("lambda" if isinstance(view, ast.Lambda) else ""), []


def methods_of(
    project: PythonProject, module: PythonModule, found: Found | None, view: ast.AST | None
) -> list[tuple[str, str]]:
    """The methods in capitals, ANY where the text does not tell; each with the view's method that it calls, or ""."""
    if mapped := _mapped(project, module, view):
        return mapped
    if found is None:
        return [(method, "") for method in _of_names(unwrapped(view)[1]) or [ANY]]
    known: list[str] = []
    match found.node:
        case ast.ClassDef():
            known = _of_class(project, found)
        case ast.FunctionDef(decorator_list=decorators) | ast.AsyncFunctionDef(decorator_list=decorators):
            known = next(filter(None, map(_of_decorator, decorators)), [])
    return [(method, "") for method in known or [ANY]]


def _mapped(project: PythonProject, module: PythonModule, view: ast.AST | None) -> list[tuple[str, str]]:
    """Of `as_view({"get": "list"})`, where the dictionary may have a name."""
    given = view.args[0] if isinstance(view, ast.Call) and view.args else None
    found = project.find(module, dotted(given)) if dotted(given) else None
    mapping = found.node if found else given
    if not isinstance(mapping, ast.Dict):
        return []
    pairs = ((strings(key), strings(value)) for key, value in zip(mapping.keys, mapping.values, strict=True))
    return [(key[0].upper(), value[0] if value else "…") for key, value in pairs if key]


def _of_names(parts: list[str]) -> list[str]:
    return _BASES.get(parts[-1], []) if parts else []


def _of_decorator(node: ast.expr) -> list[str]:
    name = (dotted(node.func if isinstance(node, ast.Call) else node) or [""])[-1]
    if name in _LISTING_DECORATORS:
        given = strings(node.args[0]) if isinstance(node, ast.Call) and node.args else ["GET"]
        return [each.upper() for each in given]
    return _DECORATORS.get(name, [])


def _of_class(project: PythonProject, found: Found) -> list[str]:
    """Of what it and its bases define, and of the frameworks' classes among those."""
    known: set[str] = set()
    for each in class_and_bases(project, found):
        node = each.node
        if isinstance(node, ast.ClassDef):
            known |= {name.upper() for name in functions(node) if name.upper() in METHODS}
            known |= {method for base in node.bases for method in _of_names(dotted(base))}
    return [method for method in METHODS if method in known]


def class_and_bases(project: PythonProject, found: Found) -> Iterator[Found]:
    """A class, then those of its bases that are the project's own."""
    waiting, seen = [found], set[tuple[str, str]]()
    while waiting and len(seen) < MAX_BASES:
        here = waiting.pop(0)
        if (here.module.path, here.name) in seen or not isinstance(here.node, ast.ClassDef):
            continue
        seen.add((here.module.path, here.name))
        yield here
        bases = (dotted(base.value if isinstance(base, ast.Subscript) else base) for base in here.node.bases)
        waiting += [base for parts in bases if parts and (base := project.find(here.module, parts))]


def functions(node: ast.ClassDef) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """The methods that a class defines."""
    found = (each for each in statements(node.body) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    return {each.name: each for each in found}
