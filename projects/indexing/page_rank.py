"""PageRank of files: which of them others lean on, by the identifiers that they use and the files that they import."""

import numpy as np

from projects.indexing.uses import Edges

DAMPING = 0.85
ITERATIONS = 100
ENOUGH = 1e-9


def page_rank(edges: Edges) -> list[float]:
    """The rank of each file, by its place; together 1. The same for the same edges."""
    count = edges.count
    if not count:
        return []
    going_out = np.bincount(edges.source, weights=edges.weight, minlength=count)
    share = edges.weight / going_out[edges.source]
    dangling = going_out == 0
    rank = np.full(count, 1 / count)
    for _ in range(ITERATIONS):
        flow = np.bincount(edges.target, weights=share * rank[edges.source], minlength=count)
        new = (1 - DAMPING) / count + DAMPING * (flow + rank[dangling].sum() / count)
        done = np.abs(new - rank).sum() < ENOUGH
        rank = new
        if done:
            break
    return [float(each) for each in rank / rank.sum()]
