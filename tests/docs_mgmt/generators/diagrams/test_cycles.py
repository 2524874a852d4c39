"""Cycles, beside what reaches what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs_mgmt.generators.diagrams.cycles import cycles

pytestmark = pytest.mark.plumbing
SIZE = 8
graphs = st.dictionaries(st.integers(0, SIZE - 1), st.lists(st.integers(0, SIZE - 1), max_size=4), max_size=SIZE)


def reached(start: int, targets: dict[int, list[int]]) -> set[int]:
    """Everything that the node reaches in one step or more."""
    found: set[int] = set()
    new = set(targets.get(start, ()))
    while new:
        found |= new
        new = {target for node in new for target in targets.get(node, ())} - found
    return found


@given(graphs)
def test_nodes_are_in_one_cycle_exactly_when_they_reach_each_other(targets: dict[int, list[int]]) -> None:
    together = {
        frozenset(other for other in range(SIZE) if other in reached(node, targets) and node in reached(other, targets))
        for node in range(SIZE)
    }

    found = cycles(range(SIZE), targets)

    assert {frozenset(each) for each in found} == {each for each in together if len(each) > 1}
    assert found == sorted(sorted(each) for each in found)


def test_a_cycle_through_a_hundred_thousand_nodes_is_found() -> None:
    count = 100_000
    assert cycles(range(count), {node: [(node + 1) % count] for node in range(count)}) == [[*range(count)]]
