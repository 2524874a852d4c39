"""Routes of Express: what is said of apps and routers, below the prefixes that they are mounted at."""

import itertools
from collections.abc import Iterator

from tree_sitter import Node

from docs_mgmt.generators.routes.mounting import Mount, Mounts, RouterKey
from docs_mgmt.generators.routes.script_files import WHOLE, Place, Script, Scripts, is_function, required, string
from docs_mgmt.generators.routes.shapes import Route
from docs_mgmt.generators.routes.tree import arguments, joined, line, one_line, text, walk

MAX_ROUTES = 5_000
MAX_STEPS = 12
MAX_CHAIN = 40
"""Calls on calls that are followed from each of them."""
_METHODS = {"get", "post", "put", "patch", "delete", "head", "options", "all"}
_CHAINED = {*_METHODS, "use", "route", "param", "set", "disable", "enable"}
_CUSTOMARY = {"app", "router", "server", "api"}
"""Names by which a function is given the app that it adds routes to."""
_HINTS = (
    b"express",
    b"Router",
    b"app.get(",
    b"app.post(",
    b"app.use(",
    b"router.get(",
    b"router.post(",
    b"router.use(",
)


def express_routes(scripts: Scripts) -> Iterator[Route]:
    """All routes, at most MAX_ROUTES; none where no file takes anything of Express."""
    if not any("express" in {module for module, _ in each.imports.values()} for each in scripts.scripts(b"express")):
        return
    express = _Express(scripts)
    files = scripts.scripts(*_HINTS)
    for script in files:
        express.take_mounts(script)
    yield from itertools.islice((route for script in files for route in express.routes(script)), MAX_ROUTES)


class _Express:
    """The routers of all files by where they are made."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._mounts = Mounts()

    def take_mounts(self, script: Script) -> None:
        """What `use` puts under what."""
        for call, receiver, name in _calls(script.root):
            if name != "use" or not (parent := self._receiver(Place(script.path, receiver))):
                continue
            given = arguments(call)
            prefix = string(given[0]) if given else None
            for each in given if prefix is None else given[1:]:
                child = self._router(Place(script.path, each))
                if child is not None and child != parent:
                    self._mounts.add(Mount(parent, child, prefix or ""))

    def routes(self, script: Script) -> Iterator[Route]:
        """What the methods of routers are called with."""
        for call, receiver, name in _calls(script.root):
            if name not in _METHODS:
                continue
            given = arguments(call)
            path = _path(receiver, given)
            router = self._receiver(Place(script.path, receiver)) if path is not None and given else None
            if router is None or path is None:
                continue
            handler = _handler(given[-1])
            source = script.path if handler is None else self._source(script, handler)
            method = "ANY" if name == "all" else name.upper()
            shown = "" if handler is None else one_line(handler)
            for prefix in self._mounts.prefixes(router):
                yield Route(joined(prefix, path), method, shown, script.path, line(call), "express", source)

    def _receiver(self, place: Place) -> RouterKey | None:
        """The router that is spoken to; one that nobody is seen to make is known by its customary name."""
        found = self._router(place)
        root = _unchained(place.node)
        if found is None and root.type == "identifier" and text(root) in _CUSTOMARY:
            script = self._scripts.script(place.path)
            return (place.path, text(root)) if script and text(root) not in script.imports else None
        return found

    def _router(self, place: Place, steps: int = 0) -> RouterKey | None:
        """Where the router of an expression is made; None where it is none."""
        node = _unchained(place.node)
        script = self._scripts.script(place.path)
        if steps > MAX_STEPS or script is None:
            return None
        if _makes_router(node):
            return place.path, f"@{node.start_byte}"
        target = self._target(script, node)
        return self._router(target, steps + 1) if target else None

    def _target(self, script: Script, node: Node) -> Place | None:
        """What a name stands for, a function gives, or another file exports."""
        match node.type:
            case "identifier" | "shorthand_property_identifier":
                return self._named(script, text(node))
            case "member_expression":
                owner = node.child_by_field_name("object")
                name = text(node.child_by_field_name("property"))
                module = required(owner) if owner else None
                module = module or script.imports.get(text(owner), ("", ""))[0]
                return self._scripts.exported(script.path, module, name) if module else None
            case "call_expression":
                if module := required(node):
                    return self._scripts.exported(script.path, module, WHOLE)
                function = node.child_by_field_name("function")
                return self._returned(script, function) if function else None
        return None

    def _returned(self, script: Script, function: Node) -> Place | None:
        """What a function that is called by name gives back."""
        place = self._target(script, function) if function.type in {"identifier", "member_expression"} else None
        for _ in range(MAX_STEPS):
            here = self._scripts.script(place.path) if place else None
            if place is None or here is None or is_function(place.node):
                break
            place = self._target(here, place.node)
        return _given_back(place) if place else None

    def _named(self, script: Script, name: str) -> Place | None:
        if name in script.values:
            return Place(script.path, script.values[name])
        return self._scripts.exported(script.path, *script.imports[name]) if name in script.imports else None

    def _source(self, script: Script, handler: Node) -> str | None:
        """The file that a handler is defined in: of `users.list` that of `users`."""
        root = text(handler).partition(".")[0]
        if root in script.imports:
            module, name = script.imports[root]
            found = self._scripts.exported(script.path, module, name)
            member = text(handler).rpartition(".")[2]
            found = found or self._scripts.exported(script.path, module, member)
            return found.path if found else None
        return script.path


def _calls(root: Node) -> Iterator[tuple[Node, Node, str]]:
    """Every call of a member: the call, what it is a member of, its name."""
    for node in walk(root):
        function = node.child_by_field_name("function") if node.type == "call_expression" else None
        if function is not None and function.type == "member_expression":
            owner, name = function.child_by_field_name("object"), text(function.child_by_field_name("property"))
            if owner is not None and name in _CHAINED:
                yield node, owner, name


def _unchained(node: Node) -> Node:
    """`router` of `router.use(a).get("/", b)`."""
    for _ in range(MAX_CHAIN):
        if node.type in {"parenthesized_expression", "as_expression", "await_expression", "non_null_expression"}:
            node = node.named_children[0]
            continue
        function = node.child_by_field_name("function") if node.type == "call_expression" else None
        owner = function.child_by_field_name("object") if function and function.type == "member_expression" else None
        if owner is None or text(function and function.child_by_field_name("property")) not in _CHAINED:
            return node
        node = owner
    return node


def _makes_router(node: Node) -> bool:
    if node.type == "new_expression":
        return text(node.child_by_field_name("constructor")).endswith("Router")
    function = text(node.child_by_field_name("function")) if node.type == "call_expression" else ""
    return function in {"express", "Router"} or function.endswith(".Router")


def _given_back(place: Place) -> Place | None:
    """What a function gives back at its end."""
    if not is_function(place.node):
        return None
    body = place.node.child_by_field_name("body")
    if body is not None and body.type != "statement_block":
        return Place(place.path, body)
    for each in reversed(body.named_children if body else []):
        if each.type == "return_statement" and each.named_children:
            return Place(place.path, each.named_children[0])
    return None


def _path(receiver: Node, given: list[Node]) -> str | None:
    """The address of a route: the first argument of several, or that of `route(…)` before it."""
    node = receiver
    for _ in range(MAX_CHAIN):
        function = node.child_by_field_name("function") if node.type == "call_expression" else None
        if function is None:
            break
        if text(function.child_by_field_name("property")) == "route" and arguments(node):
            return string(arguments(node)[0]) or "…"
        owner = function.child_by_field_name("object")
        if owner is None:
            break
        node = owner
    if len(given) < 2:
        return None
    first = given[0]
    if first.type in {"string", "template_string"}:
        return string(first)
    return "…" if first.type in {"regex", "array"} else None


def _handler(node: Node) -> Node | None:
    """What answers, as a name; of `wrap(handler)` what is wrapped; None of a function on the spot."""
    for _ in range(MAX_STEPS):
        if node.type == "call_expression" and arguments(node):
            node = arguments(node)[-1]
        elif node.type == "array" and node.named_children:
            node = node.named_children[-1]
        else:
            break
    return node if node.type in {"identifier", "member_expression"} else None
