"""Routes of Rails: what `config/routes.rb` and the files that it draws say, with the scopes and resources around it.

Source: guides.rubyonrails.org/routing.html.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tree_sitter import Node

from docs_mgmt.generators.routes.reading import Reader
from docs_mgmt.generators.routes.ruby_calls import RubyCall, calls_in, singular, texts
from docs_mgmt.generators.routes.shapes import Route
from docs_mgmt.generators.routes.tree import joined, one_line, text

MAX_DEPTH = 30
MAX_ROUTES = 5_000
MAIN = "config/routes.rb"
_VERBS = {"get": "GET", "post": "POST", "put": "PUT", "patch": "PATCH", "delete": "DELETE"}
_OF_COLLECTION = {"index": ("GET", ""), "create": ("POST", ""), "new": ("GET", "new")}
_OF_MEMBER = {
    "show": (("GET", ""),),
    "edit": (("GET", "edit"),),
    "update": (("PATCH", ""), ("PUT", "")),
    "destroy": (("DELETE", ""),),
}


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where a line stands: the address before it, the module of its controllers, and the resource around it.

    `member` and `collection` are addresses of that resource; `controller` is the one of lines that name none.
    """

    path: str = ""
    module: str = ""
    controller: str | None = None
    collection: str | None = None
    member: str | None = None


def rails_routes(reader: Reader) -> Iterator[Route]:
    """All routes, at most MAX_ROUTES, of every Rails project in the repository."""
    for path in reader.ending(MAIN):
        if path == MAIN or path.endswith(f"/{MAIN}"):
            yield from _File(reader, path.removesuffix(MAIN)).routes()


class _File:
    """The routes of one Rails project, in the folder `root`."""

    def __init__(self, reader: Reader, root: str) -> None:
        self._reader, self._root = reader, root
        self._left = MAX_ROUTES
        self._concerns: dict[str, Node] = {}
        application = reader.content(f"{root}config/application.rb") or b""
        self._unserved = {"new", "edit"} if b"api_only = true" in application else set[str]()
        self._paths = frozenset(reader.paths)

    def routes(self) -> Iterator[Route]:
        """Those of the main file and of what it draws."""
        yield from self._file(f"{self._root}{MAIN}", _Scope(), 0)

    def _file(self, path: str, scope: _Scope, depth: int) -> Iterator[Route]:
        root = self._reader.tree(path, "ruby") if path in self._paths else None
        if root is not None and depth <= MAX_DEPTH:
            yield from self._block(path, root, scope, depth)

    def _block(self, path: str, block: Node, scope: _Scope, depth: int) -> Iterator[Route]:
        """The lines of a block; those of blocks that change nothing for addresses too."""
        if depth > MAX_DEPTH:
            return
        for call in calls_in(block):
            if self._left <= 0:
                return
            yield from self._call(path, call, scope, depth)

    def _call(self, path: str, call: RubyCall, scope: _Scope, depth: int) -> Iterator[Route]:
        if call.name in {*_VERBS, "match", "root"}:
            yield from self._verb(path, call, scope)
            return
        match call.name:
            case "resources" | "resource":
                yield from self._resources(path, call, scope, depth)
            case "mount" | "devise_for":
                yield from self._mounted(path, call, scope)
            case "draw" if call.block is None:
                yield from self._drawn(call, scope, depth)
            case "concern" | "concerns":
                yield from self._concern(path, call, scope, depth)
            case _ if call.block is not None:
                yield from self._block(path, call.block, _inner(call, scope), depth + 1)

    def _drawn(self, call: RubyCall, scope: _Scope, depth: int) -> Iterator[Route]:
        for name in (name for each in call.given for name in texts(each)):
            yield from self._file(f"{self._root}config/routes/{name}.rb", scope, depth + 1)

    def _concern(self, path: str, call: RubyCall, scope: _Scope, depth: int) -> Iterator[Route]:
        """Lines that get a name to be said elsewhere, or are said by it."""
        names = [name for each in call.given for name in texts(each)]
        if call.name == "concerns":
            yield from self._concerned(path, names, scope, depth)
        elif call.block is not None:
            self._concerns |= dict.fromkeys(names, call.block)

    def _concerned(self, path: str, names: list[str], scope: _Scope, depth: int) -> Iterator[Route]:
        for name in names:
            if name in self._concerns:
                yield from self._block(path, self._concerns[name], scope, depth + 1)

    def _verb(self, path: str, call: RubyCall, scope: _Scope) -> Iterator[Route]:
        """`get "/a" => "b#c"`, `get :a, :b`, `match "a", to: "b#c", via: [:get, :post]`, `root "a#b"`."""
        scope = _on(call, scope)
        methods = [_VERBS[call.name]] if call.name in _VERBS else _via(call)
        for address, target in _addresses(call):
            handler = _handler(call, address, target, scope)
            for method in methods:
                yield self._route(path, call, joined(scope.path, address.strip("/")), method, handler)

    def _route(self, path: str, call: RubyCall, address: str, method: str, handler: str) -> Route:
        self._left -= 1
        controller, sign, _ = handler.partition("#")
        source = f"{self._root}app/controllers/{controller}_controller.rb" if sign else ""
        shown = source if source in self._paths else None
        return Route(joined(address), method, handler, path, call.line, "rails", shown)

    def _resources(self, path: str, call: RubyCall, scope: _Scope, depth: int) -> Iterator[Route]:
        for name in (name for each in call.given for name in texts(each)):
            inner = _of_resource(call, name, scope)
            yield from self._actions(path, call, inner)
            nested = replace(inner, path=_nested_path(call, name, inner))
            if call.block is not None:
                yield from self._block(path, call.block, nested, depth + 1)
            yield from self._concerned(path, texts(call.options.get("concerns")), nested, depth)

    def _actions(self, path: str, call: RubyCall, scope: _Scope) -> Iterator[Route]:
        for action in (each for each in _actions(call) if each not in self._unserved):
            base = scope.collection if action in _OF_COLLECTION else scope.member
            pairs = (_OF_COLLECTION[action],) if action in _OF_COLLECTION else _OF_MEMBER[action]
            for method, part in pairs:
                handler = f"{scope.module}{scope.controller}#{action}"
                yield self._route(path, call, joined(base or "", part), method, handler)

    def _mounted(self, path: str, call: RubyCall, scope: _Scope) -> Iterator[Route]:
        """An engine answers everything below; so does Devise, whose routes follow from its models."""
        if call.name == "devise_for":
            for name in (name for each in call.given for name in texts(each)):
                yield self._route(path, call, joined(scope.path, name, "…"), "ANY", "devise")
            return
        at = texts(call.options.get("at"))
        pairs = [(one_line(key), texts(value)) for key, value in call.pairs] or [(_first(call), at)]
        for app, places in pairs:
            if places:
                yield self._route(path, call, joined(scope.path, places[0], "…"), "ANY", app)


def _first(call: RubyCall) -> str:
    return one_line(call.given[0]) if call.given else ""


def _inner(call: RubyCall, scope: _Scope) -> _Scope:
    """The scope within `namespace`, `scope`, `member` and `collection`; of other blocks that around them."""
    names = [name for each in call.given for name in texts(each)]
    match call.name:
        case "namespace" if names:
            path = texts(call.options.get("path")) or names[:1]
            module = texts(call.options.get("module")) or names[:1]
            return _Scope(joined(scope.path, *path), f"{scope.module}{module[0]}/")
        case "scope":
            path = texts(call.options.get("path")) or [each for each in names if not each.startswith("…")]
            module = texts(call.options.get("module"))
            controller = texts(call.options.get("controller"))
            return replace(
                scope,
                path=joined(scope.path, *(each.strip("/") for each in path)),
                module=f"{scope.module}{module[0]}/" if module else scope.module,
                controller=controller[0] if controller else scope.controller,
            )
        case "controller" if names:
            return replace(scope, controller=names[0])
        case "member" if scope.member is not None:
            return replace(scope, path=scope.member)
        case "collection" if scope.collection is not None:
            return replace(scope, path=scope.collection)
    return scope


def _on(call: RubyCall, scope: _Scope) -> _Scope:
    """`get "a", on: :member` is as in a block of `member`."""
    where = texts(call.options.get("on"))
    path = {"member": scope.member, "collection": scope.collection}.get(where[0]) if where else None
    return scope if path is None else replace(scope, path=path)


def _of_resource(call: RubyCall, name: str, scope: _Scope) -> _Scope:
    part = (texts(call.options.get("path")) or [name])[0]
    collection = joined(scope.path, part)
    param = (texts(call.options.get("param")) or ["id"])[0]
    member = joined(collection, f":{param}") if call.name == "resources" else collection
    module = texts(call.options.get("module"))
    default = name if call.name == "resources" or name.endswith("s") else _plural(name)
    controller = (texts(call.options.get("controller")) or [default])[0]
    return _Scope(
        scope.path,
        f"{scope.module}{module[0]}/" if module else scope.module,
        controller,
        collection,
        member,
    )


def _plural(name: str) -> str:
    return f"{name[:-1]}ies" if name.endswith("y") and name[-2:-1] not in "aeiou" else f"{name}s"


def _nested_path(call: RubyCall, name: str, scope: _Scope) -> str:
    """What stands before lines within the resource: its own key gets the resource's name."""
    if call.name == "resource":
        return scope.collection or ""
    param = (texts(call.options.get("param")) or ["id"])[0]
    return joined(scope.collection or "", f":{singular(name.rpartition('/')[2])}_{param}")


def _actions(call: RubyCall) -> list[str]:
    known = [*_OF_COLLECTION, *_OF_MEMBER]
    if call.name == "resource":
        known.remove("index")
    if "only" in call.options:
        only = texts(call.options["only"])
        known = [each for each in known if each in only]
    return [each for each in known if each not in texts(call.options.get("except"))]


def _via(call: RubyCall) -> list[str]:
    if call.name == "root":
        return ["GET"]
    given = [each.upper() for each in texts(call.options.get("via"))]
    return ["ANY"] if not given or "ALL" in given else given


def _addresses(call: RubyCall) -> list[tuple[str, Node | None]]:
    """Each address of a line, and what it names as its target."""
    target = call.options.get("to")
    if call.name == "root":
        return [("", target or (call.given[0] if call.given else None))]
    pairs = [(texts(key), value) for key, value in call.pairs]
    given = [(name, target) for each in call.given for name in texts(each)]
    return [*given, *((names[0], value) for names, value in pairs if names)]


def _handler(call: RubyCall, address: str, target: Node | None, scope: _Scope) -> str:
    """`controller#action`, with the module of the scope; what else answers as it is written."""
    named = texts(target)
    if target is not None and not named:
        return "redirect" if text(target).startswith("redirect") else one_line(target)
    words = address.split("(", maxsplit=1)[0].strip("/").replace("-", "_")
    action = (texts(call.options.get("action")) or [""])[0]
    controller = (texts(call.options.get("controller")) or [scope.controller or ""])[0]
    if named and "#" in named[0]:
        return named[0][1:] if named[0].startswith("/") else f"{scope.module}{named[0]}"
    if not controller and "/" in words:
        controller, _, words = words.rpartition("/")
    action = action or (named[0] if named else words)
    return f"{scope.module}{controller}#{action}" if controller and action else ""
