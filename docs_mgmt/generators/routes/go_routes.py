"""Routes of Go: net/http, gorilla/mux, chi, gin and echo, below groups and subrouters, also those handed on.

Where a router is kept in a variable of the package or a field, the address before its routes is not known: such
routes stand as they are written.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from docs_mgmt.generators.routes.go_files import HANDLES, GoPackage, member, registrars
from docs_mgmt.generators.routes.go_handed import Handed
from docs_mgmt.generators.routes.reading import Reader
from docs_mgmt.generators.routes.shapes import Route
from docs_mgmt.generators.routes.tree import arguments, joined, line, one_line, text

MAX_ROUTES = 5_000
MAX_DEPTH = 30
ROUNDS = 2
MAX_CHAIN = 40
"""Calls on calls that are followed from each of them."""
_FRAMEWORKS = (
    (b"github.com/go-chi/chi", "chi"),
    (b"github.com/gin-gonic/gin", "gin"),
    (b"github.com/labstack/echo", "echo"),
    (b"github.com/gorilla/mux", "gorilla"),
    (b'"net/http"', "net/http"),
)
# Where none of these stands there is no route; all other files need no parsing.
_HINTS = re.compile(
    rb"\.Handle(?:Func)?\(|\bHandler(?:Func)?:|\.(?:GET|POST|PUT|PATCH|DELETE|Any|Add|Mount|Method|MethodFunc)\("
    rb"|\.(?:Group|PathPrefix)\("
    rb"|\.(?:Get|Post|Put|Patch|Delete|Head|Options)\([\"`]"
)
_VERBS = {"Get", "Post", "Put", "Patch", "Delete", "Head", "Options", "Connect", "Trace"}
_VERBS_OF = {
    "chi": _VERBS,
    "gin": {verb.upper() for verb in _VERBS},
    "echo": {verb.upper() for verb in _VERBS},
}
_GROUPS = {"Group", "PathPrefix", "Subrouter", "With", "Route", "StrictSlash", "Host", "Methods"}
_WITH_ADDRESS = {"Group", "PathPrefix", "Route"}
_ANY = "ANY"
_Told = tuple[list[str], str, Node]
"""Methods, address and handler of a call."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file, its framework, its package, its functions that hand an address on, and the routers that are handed on."""

    path: str
    framework: str
    package: GoPackage
    registrars: frozenset[str]
    handed: Handed


def go_routes(reader: Reader) -> Iterator[Route]:
    """All routes, at most MAX_ROUTES."""
    files = list(_files(reader))
    for _ in range(ROUNDS):  # what is handed on may be handed on again
        for file, root in files:
            for _route in itertools.islice(_of_block(file, root, {}, 0), MAX_ROUTES):
                pass
    routes = (route for file, root in files for route in _of_block(file, root, {}, 0))
    yield from itertools.islice(routes, MAX_ROUTES)


def _files(reader: Reader) -> Iterator[tuple[_File, Node]]:
    """The files that may have routes, with their trees."""
    packages: dict[str, GoPackage] = {}
    handed = Handed()
    paths = reader.ending(".go")
    for path in paths:
        packages.setdefault(_folder(path), GoPackage()).take(path, reader.content(path) or b"")
    for path in paths:
        content = reader.content(path) or b""
        root = reader.tree(path, "go") if _HINTS.search(content) else None
        if root is not None:
            framework = next((name for hint, name in _FRAMEWORKS if hint in content), "net/http")
            handing = registrars(root) if b".Handle" in content else frozenset[str]()
            yield _File(path, framework, packages[_folder(path)], handing, handed), root


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _of_block(file: _File, root: Node, above: dict[str, str], depth: int) -> Iterator[Route]:
    """The routes below a node, in order; `above` are the addresses that names of routers stand for."""
    known = dict(above)
    methods: dict[int, list[str]] = {}
    waiting = list(reversed(root.named_children))
    while waiting and depth <= MAX_DEPTH:
        node = waiting.pop()
        if blocks := list(_own_blocks(file, node, known)):
            for block, inner in blocks:
                yield from _of_block(file, block, inner, depth + 1)
            continue
        if node.type in {"short_var_declaration", "var_spec", "assignment_statement"}:
            _take_groups(file, node, known)
        elif node.type == "call_expression":
            _take_methods(node, methods)
            _hand_on(file, node, known)
            yield from _of_call(file, node, known, methods.get(node.id))
        elif node.type == "literal_value":
            yield from _of_table(file, node)
        waiting += reversed(node.named_children)


def _own_blocks(file: _File, node: Node, known: dict[str, str]) -> Iterator[tuple[Node, dict[str, str]]]:
    """A function, and the body of a group: `r.Route("/x", func(r chi.Router) {…})`; with what is known in it."""
    if node.type in {"function_declaration", "method_declaration"}:
        yield from ((node, way) for way in file.handed.of(_folder(file.path), node))
        return
    given = arguments(node) if node.type == "call_expression" else []
    if not given or given[-1].type != "func_literal" or member(node)[1] not in {"Route", "Group"}:
        return
    parameters = given[-1].child_by_field_name("parameters")
    body = given[-1].child_by_field_name("body")
    if body is not None and parameters is not None and parameters.named_children:
        name = text(parameters.named_children[0].child_by_field_name("name"))
        yield body, {**known, name: _address(file, node, known)}


def _hand_on(file: _File, call: Node, known: dict[str, str]) -> None:
    """`users.Register(api.Group("/users"))`: what the function knows its parameter as has that address."""
    for place, each in enumerate(arguments(call)):
        is_group = each.type == "call_expression" and member(each)[1] in _GROUPS
        address = (
            _address(file, each, known) if is_group else known.get(text(each)) if each.type == "identifier" else None
        )
        if address:
            file.handed.add(_folder(file.path), call, place, address)


def _take_groups(file: _File, node: Node, known: dict[str, str]) -> None:
    """`api := r.Group("/api")`: the name stands for that address from here on."""
    left = node.child_by_field_name("left") or node.child_by_field_name("name")
    right = node.child_by_field_name("right") or node.child_by_field_name("value")
    if left is None or right is None:
        return
    names = left.named_children or [left]
    for name, value in zip(names, right.named_children, strict=False):
        if value.type == "call_expression" and member(value)[1] in _GROUPS:
            known[text(name)] = _address(file, value, known)


def _address(file: _File, call: Node, known: dict[str, str]) -> str:
    """The address of a chain of calls on a router, from the name that it begins with."""
    parts: list[str] = []
    here: Node | None = call
    for _ in range(MAX_CHAIN):
        if here is None or here.type != "call_expression":
            break
        owner, name = member(here)
        given = arguments(here)
        part = file.package.string(given[0]) if given and name in _WITH_ADDRESS else None
        parts += [part] if part else []
        here = owner
    return joined(known.get(text(here), ""), *reversed(parts)) if parts else known.get(text(here), "")


def _take_methods(call: Node, methods: dict[int, list[str]]) -> None:
    """Of `.Methods("GET", http.MethodPost)` behind a route of gorilla: those of the call that it stands behind."""
    owner, name = member(call)
    if name == "Methods" and owner is not None:
        methods[owner.id] = [_method(each) for each in arguments(call)]


def _of_call(file: _File, call: Node, known: dict[str, str], limited: list[str] | None) -> Iterator[Route]:
    owner, name = member(call)
    told = _told(file, owner, name, arguments(call))
    if told is None:
        return
    methods, path, handler = told
    before = _address(file, owner, known) if owner and owner.type == "call_expression" else known.get(text(owner), "")
    for method in limited or methods:
        yield _route(file, call, method, joined(before, path), handler)


def _route(file: _File, node: Node, method: str, path: str, handler: Node) -> Route:
    name = _name(handler)
    source = file.path if handler.type == "func_literal" else _source(file, name)
    return Route(joined(path), method, name, file.path, line(node), file.framework, source)


def _told(file: _File, owner: Node | None, name: str, given: list[Node]) -> _Told | None:
    """What a call says of a route; None where it makes none."""
    if len(given) < 2:
        return None
    path = file.package.string(given[0])
    if name in file.registrars and path and path.startswith("/"):
        return [_ANY], path, given[-1]
    if owner is None:
        return None
    if path is None or name in {"Method", "MethodFunc", "Add"} or (name == "Handle" and len(given) > 2):
        return _with_method(file, name, given)
    if name in HANDLES:
        return _of_pattern(path, given[1])
    if name in _VERBS_OF.get(file.framework, ()):
        return [name.upper()], path, given[1] if file.framework == "echo" else given[-1]
    if name in {"Any", "Mount"} and file.framework in _VERBS_OF:
        return [_ANY], joined(path, "…") if name == "Mount" else path, given[-1]
    return None


def _with_method(file: _File, name: str, given: list[Node]) -> _Told | None:
    """`r.Method("GET", "/x", h)` of chi, `r.Handle("GET", "/x", h)` of gin, `e.Add("GET", "/x", h)` of echo."""
    if name not in {"Method", "MethodFunc", "Add", "Handle"} or len(given) < 3:
        return None
    path = file.package.string(given[1])
    return None if path is None else ([_method(given[0])], path, given[-1])


def _of_pattern(pattern: str, handler: Node) -> _Told | None:
    """`/x`, and `GET /x` since Go 1.22. What begins otherwise is no route: others call things Handle too."""
    method, blank, rest = pattern.partition(" ")
    if blank and method.isupper():
        return [method], rest.strip(), handler
    return ([_ANY], pattern, handler) if pattern.startswith(("/", "*", "…")) else None


def _of_table(file: _File, node: Node) -> Iterator[Route]:
    """`{Pattern: "/x", Handler: h}`: a row of a table of routes."""
    entries = {
        text(each.named_children[0]): each.named_children[-1]
        for each in node.named_children
        if each.type == "keyed_element"
    }
    path = next((entries[name] for name in ("Pattern", "Path", "Route") if name in entries), None)
    handler = next((entries[name] for name in ("Handler", "HandlerFunc", "Handle") if name in entries), None)
    if path is None or handler is None or not path.named_children or not handler.named_children:
        return
    address = file.package.string(path.named_children[0])
    if address and address.startswith("/"):
        method = entries.get("Method")
        named = _method(method.named_children[0]) if method is not None and method.named_children else _ANY
        yield _route(file, node, named, address, handler.named_children[0])


def _method(node: Node) -> str:
    """`"GET"` and `http.MethodGet`."""
    return text(node).strip('"').rpartition("Method")[2].upper() or _ANY


def _name(handler: Node) -> str:
    """What answers, as it is called; of `wrap(handler)` what is wrapped; empty for a function on the spot."""
    while handler.type == "call_expression" and len(arguments(handler)) == 1:
        handler = arguments(handler)[0]
    return "" if handler.type == "func_literal" else one_line(handler)


def _source(file: _File, name: str) -> str | None:
    """The file of its package that defines a handler, by its last name."""
    return file.package.functions.get(name.rpartition(".")[2].partition("(")[0])
