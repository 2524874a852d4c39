"""Routes of Laravel: what the files in `routes/` say, below the groups around it.

Source: laravel.com/docs/routing. `routes/api.php` is below `/api`, as the framework sets it up.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tree_sitter import Node

from docs_mgmt.generators.routes.php_calls import PhpCall, chain, class_name, strings, uses
from docs_mgmt.generators.routes.reading import Reader
from docs_mgmt.generators.routes.shapes import Route
from docs_mgmt.generators.routes.tree import joined, line, text

MAX_DEPTH = 30
MAX_ROUTES = 5_000
_FILES = re.compile(r"(?:^|.*/)routes/(?:.*/)?[^/]+\.php")
_NOT_HTTP = {"console.php", "channels.php"}
_VERBS = {"get", "post", "put", "patch", "delete", "options"}
_RESOURCES = {"resource", "apiResource", "resources", "apiResources", "singleton"}
_ACTIONS = {
    "index": (("GET", ""),),
    "create": (("GET", "create"),),
    "store": (("POST", ""),),
    "show": (("GET", "{}"),),
    "edit": (("GET", "{}/edit"),),
    "update": (("PUT", "{}"), ("PATCH", "{}")),
    "destroy": (("DELETE", "{}"),),
}
_PAGES = {"create", "edit"}


@dataclass(frozen=True, slots=True)
class _Scope:
    """The address before a line, and the controller of lines that name only a method."""

    prefix: str
    controller: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    """A file with the classes that it names, by their short names."""

    path: str
    classes: dict[str, str]


def laravel_routes(reader: Reader) -> Iterator[Route]:
    """All routes, at most MAX_ROUTES."""
    walk = _Walk(reader)
    paths = [path for path in reader.ending(".php") if _FILES.fullmatch(path)]
    for path in reader.with_hints(paths, (b"Route::",)):
        root = reader.tree(path, "php") if path.rpartition("/")[2] not in _NOT_HTTP else None
        if root is not None:
            prefix = "/api" if path.endswith("routes/api.php") else ""
            yield from walk.block(_File(path, uses(root)), root, _Scope(prefix), 0)


class _Walk:
    def __init__(self, reader: Reader) -> None:
        self._classes = {path.removesuffix(".php").lower(): path for path in reader.ending(".php")}
        self._left = MAX_ROUTES

    def block(self, file: _File, block: Node, scope: _Scope, depth: int) -> Iterator[Route]:
        """The statements of a block and of its branches; a group's function is a block of its own."""
        waiting = list(reversed(block.named_children))
        while waiting and depth <= MAX_DEPTH:
            node = waiting.pop()
            calls = chain(node)
            if calls and calls[0].owner == "Route":
                yield from self._statement(file, node, calls, scope, depth)
            elif not calls:
                waiting += reversed(node.named_children)

    def _statement(self, file: _File, node: Node, calls: list[PhpCall], scope: _Scope, depth: int) -> Iterator[Route]:
        inner = _scoped(calls, scope, file)
        for number, call in enumerate(calls):
            if call.name == "group" and call.given:
                function = call.given[-1]
                body = function.child_by_field_name("body")
                yield from self.block(file, body, inner, depth + 1) if body is not None else ()
                return
            if call.name in {*_VERBS, "any", "match", "view", "redirect", "permanentRedirect"}:
                yield from self._verb(file, node, call, inner)
                return
            if call.name in _RESOURCES:
                yield from self._resources(file, node, call, calls[number + 1 :], inner)
                return

    def _verb(self, file: _File, node: Node, call: PhpCall, scope: _Scope) -> Iterator[Route]:
        methods, given = [call.name.upper()], list(call.given)
        if call.name == "match" and given:
            methods = [each.upper() for each in strings(given.pop(0))]
        elif call.name == "view":
            methods = ["GET"]
        elif call.name not in _VERBS:
            methods = ["ANY"]
        path = strings(given[0]) if given else []
        handler, source = self._handler(file, call, given[1] if len(given) > 1 else None, scope)
        for method in methods:
            yield from self._route(file, node, joined(scope.prefix, *(path[:1] or ["…"])), method, handler, source)

    def _route(
        self, file: _File, node: Node, path: str, method: str, handler: str, source: str | None
    ) -> Iterator[Route]:
        if self._left > 0:
            self._left -= 1
            yield Route(_trimmed(path), method, handler, file.path, line(node), "laravel", source)

    def _handler(self, file: _File, call: PhpCall, node: Node | None, scope: _Scope) -> tuple[str, str | None]:
        """`[Class, 'method']`, `Class` alone, `'Class@method'`, or the method of a group's controller."""
        if call.name in {"view", "redirect", "permanentRedirect"} or node is None:
            return call.name if node is not None and call.name not in _VERBS else "", None
        named, words = class_name(node), strings(node)
        if named is None and words and "@" in words[0]:
            named, _, method = words[0].partition("@")
            words = [method]
        if named is None and scope.controller and words:
            named = scope.controller
        if named is None:
            return "", file.path if "function" in node.type else None
        short = named.rpartition("\\")[2]
        return f"{short}@{words[0]}" if words else short, self._source(file, named)

    def _source(self, file: _File, named: str) -> str | None:
        """The file of a class, by the folders of its namespace; `App` is `app`."""
        whole = file.classes.get(named, named).lstrip("\\").replace("\\", "/").lower()
        root = file.path.rpartition("routes/")[0].lower()
        tried = (whole, f"{root}{whole}", f"{root}src/{whole}", f"{root}app/http/controllers/{whole}")
        return next((self._classes[each] for each in tried if each in self._classes), None)

    def _resources(
        self, file: _File, node: Node, call: PhpCall, after: list[PhpCall], scope: _Scope
    ) -> Iterator[Route]:
        left = _left_actions(call, after)
        for name, controller in _named_resources(call):
            path, parameter = _resource_path(name)
            named = class_name(controller) or "".join(strings(controller))
            source = self._source(file, named)
            for action in left:
                for method, part in _ACTIONS[action]:
                    address = joined(scope.prefix, path, part.replace("{}", f"{{{parameter}}}"))
                    handler = f"{named.rpartition(chr(92))[2]}@{action}"
                    yield from self._route(file, node, address, method, handler, source)


def _trimmed(path: str) -> str:
    return path.rstrip("/") or "/"


def _scoped(calls: list[PhpCall], scope: _Scope, file: _File) -> _Scope:
    """What `prefix`, `controller` and the array of `group` add."""
    for call in calls:
        if call.name == "prefix" and call.given:
            scope = replace(scope, prefix=joined(scope.prefix, *strings(call.given[0])[:1]))
        elif call.name == "controller" and call.given:
            scope = replace(scope, controller=class_name(call.given[0]) or "")
        elif call.name == "group" and len(call.given) > 1:
            found = _entry(call.given[0], "prefix")
            scope = replace(scope, prefix=joined(scope.prefix, *found[:1]))
    return scope


def _entry(array: Node, name: str) -> list[str]:
    """The strings of an array's entry of that name."""
    for each in array.named_children:
        parts = each.named_children
        if len(parts) == 2 and text(parts[0]).strip("'\"") == name:
            return strings(parts[1])
    return []


def _named_resources(call: PhpCall) -> Iterator[tuple[str, Node]]:
    if call.name in {"resources", "apiResources"}:
        for each in call.given[0].named_children if call.given else ():
            if len(each.named_children) == 2:
                yield text(each.named_children[0]).strip("'\""), each.named_children[1]
    elif len(call.given) > 1:
        for name in strings(call.given[0])[:1]:
            yield name, call.given[1]


def _resource_path(name: str) -> tuple[str, str]:
    """`photos.comments` is `photos/{photo}/comments`; and the name of its own parameter."""
    *above, last = name.split(".")
    parts = [part for each in above for part in (each, f"{{{_parameter(each)}}}")]
    return "/".join([*parts, last]), _parameter(last)


def _parameter(name: str) -> str:
    word = name.rpartition("/")[2].replace("-", "_")
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s") if not word.endswith("ss") else word


def _left_actions(call: PhpCall, after: list[PhpCall]) -> list[str]:
    known = [each for each in _ACTIONS if not call.name.startswith("api") or each not in _PAGES]
    if call.name == "singleton":
        known = ["show", "edit", "update"]
    options = call.given[2] if len(call.given) > 2 else None
    for name in ("only", "except"):
        given = [each for later in after if later.name == name for node in later.given for each in strings(node)]
        given += _entry(options, name) if options is not None else []
        if given:
            known = [each for each in known if (each in given) is (name == "only")]
    return known
