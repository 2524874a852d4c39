"""Routers of Go that one function gives to another: the addresses that a function's parameters stand for."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from docs_mgmt.generators.routes.go_files import member
from docs_mgmt.generators.routes.tree import text

MAX_PLACES = 4
"""Parameters of a function that are looked at."""
MAX_WAYS = 5
"""Addresses of one parameter: of more, the first ones."""


@dataclass(slots=True)
class Handed:
    """By package (its folder, or the last part of that) and function: the addresses by the parameters' places."""

    _addresses: dict[tuple[str, str], dict[int, dict[str, None]]] = field(default_factory=dict)

    def add(self, folder: str, call: Node, place: int, address: str) -> None:
        """A call in a file of that folder is given a router with that address."""
        owner, name = member(call)
        package = folder if owner is None else text(owner)
        places = self._addresses.setdefault((package, name), {})
        if place < MAX_PLACES and len(known := places.setdefault(place, {})) < MAX_WAYS:
            known[address] = None

    def of(self, folder: str, function: Node) -> Iterator[dict[str, str]]:
        """What the names of a function's parameters stand for, of every way that it is called; nothing if unknown."""
        name = text(function.child_by_field_name("name"))
        keys = ((folder, name), (folder.rpartition("/")[2], name))
        found = next((self._addresses[key] for key in keys if key in self._addresses), {})
        names = list(_parameters(function))
        ways = [{names[place]: address} for place, known in found.items() if place < len(names) for address in known]
        yield from ways or [{}]


def _parameters(function: Node) -> Iterator[str]:
    """The names of parameters in order; `a, b int` are two."""
    parameters = function.child_by_field_name("parameters")
    for each in parameters.named_children if parameters else ():
        for name in each.children_by_field_name("name"):
            yield text(name)
