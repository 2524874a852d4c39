"""Cycles of a graph: its strongly connected components, by Kosaraju's algorithm without recursion."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def cycles(nodes: Sequence[Node], targets: Mapping[Node, Sequence[Node]]) -> list[list[Node]]:
    """The groups of two and more nodes that all reach each other, in the order of the nodes, as are their members.

    Source: M. Sharir, A strong-connectivity algorithm and its applications in data flow analysis, 1981.
    """
    place = {node: number for number, node in enumerate(nodes)}
    sources: dict[Node, list[Node]] = {}
    for node in nodes:
        for target in targets.get(node, ()):
            sources.setdefault(target, []).append(node)
    seen: set[Node] = set()
    last_finished = reversed([*_finished(nodes, targets, set())])
    groups = (sorted(_finished([node], sources, seen), key=place.__getitem__) for node in last_finished)
    return sorted((each for each in groups if len(each) > 1), key=lambda members: place[members[0]])


def _finished(roots: Sequence[Node], targets: Mapping[Node, Sequence[Node]], seen: set[Node]) -> Iterator[Node]:
    """What is reached from the roots and was not seen, each after all that is first reached through it."""
    for root in roots:
        path = [] if root in seen else [(root, iter(targets.get(root, ())))]
        seen.add(root)
        while path:
            node, following = path[-1]
            target = next((each for each in following if each not in seen), None)
            if target is None:
                path.pop()
                yield node
            else:
                seen.add(target)
                path.append((target, iter(targets.get(target, ()))))
