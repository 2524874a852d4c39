"""PageRank of files: which of them others lean on, by the identifiers that they use and the files that they import."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

DEFINED_AT_MOST_IN = 3
"""What more files define is a common word, and says nothing of who uses whom."""

SHORTEST_NAME = 3
DAMPING = 0.85
ITERATIONS = 100
ENOUGH = 1e-9

WHOLE = 6
"""The weight of an identifier, shared among the files that define it. Whole numbers: their sum knows no order."""

MAX_EDGES = 4_000_000
"""More than the largest repositories have: they are held in memory. The rest is left out."""

Edge = tuple[int, int]


def identifier_edges(
    definitions: Iterable[tuple[str, int]], references: Iterable[tuple[int, Iterable[str]]]
) -> dict[Edge, int]:
    """How much each file uses of what each other one defines, by the numbers of both."""
    defined: dict[str, list[int]] = {}
    for name, file in set(definitions):
        defined.setdefault(name, []).append(file)
    rare = {name: files for name, files in defined.items() if _tells(name, files)}
    edges: dict[Edge, int] = {}
    for source, names in references:
        if len(edges) > MAX_EDGES:
            break
        for name in rare.keys() & names:
            files = rare[name]
            for target in files:
                edges[source, target] = edges.get((source, target), 0) + WHOLE // len(files)
    return {edge: weight for edge, weight in edges.items() if edge[0] != edge[1]}


def _tells(name: str, files: Sequence[int]) -> bool:
    return len(files) <= DEFINED_AT_MOST_IN and len(name) >= SHORTEST_NAME


def page_rank(nodes: Sequence[int], edges: Mapping[Edge, int]) -> list[float]:
    """The rank of each node, together 1; the same for the same nodes and edges in the same order."""
    count = len(nodes)
    if not count:
        return []
    place = {node: at for at, node in enumerate(nodes)}
    kept = sorted((place[source], place[target], weight) for (source, target), weight in edges.items())
    source = np.array([each[0] for each in kept], dtype=np.int64)
    target = np.array([each[1] for each in kept], dtype=np.int64)
    weight = np.array([each[2] for each in kept], dtype=np.float64)
    going_out = np.bincount(source, weights=weight, minlength=count)
    share = weight / going_out[source]
    dangling = going_out == 0
    rank = np.full(count, 1 / count)
    for _ in range(ITERATIONS):
        flow = np.bincount(target, weights=share * rank[source], minlength=count)
        new = (1 - DAMPING) / count + DAMPING * (flow + rank[dangling].sum() / count)
        done = np.abs(new - rank).sum() < ENOUGH
        rank = new
        if done:
            break
    return [float(each) for each in rank / rank.sum()]
