"""PageRank of files: who is used by many is ranked high, whatever the order of what is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.indexing.page_rank import identifier_edges, page_rank

pytestmark = pytest.mark.plumbing
EDGES = st.dictionaries(st.tuples(st.integers(0, 9), st.integers(0, 9)), st.integers(1, 50), max_size=30)


def test_what_many_use_is_ranked_first() -> None:
    ranks = page_rank([1, 2, 3, 4], {(2, 1): 6, (3, 1): 6, (4, 2): 6})
    assert ranks.index(max(ranks)) == 0


def test_nothing_has_no_ranks() -> None:
    assert page_rank([], {}) == []


@given(edges=EDGES)
def test_ranks_sum_to_one(edges: dict[tuple[int, int], int]) -> None:
    assert sum(page_rank(range(10), edges)) == pytest.approx(1)


@given(data=st.data(), edges=EDGES)
def test_ranks_do_not_depend_on_the_order_of_edges(data: st.DataObject, edges: dict[tuple[int, int], int]) -> None:
    mixed = data.draw(st.permutations(list(edges.items())))
    assert page_rank(range(10), edges) == page_rank(range(10), dict(mixed))


def test_a_name_that_many_files_define_tells_nothing() -> None:
    definitions = [("shared", number) for number in range(4)] + [("rare", 1)]
    assert identifier_edges(definitions, [(9, ["rare", "shared"])]) == {(9, 1): 6}


def test_a_name_is_shared_among_the_files_that_define_it() -> None:
    assert identifier_edges([("name", 1), ("name", 2)], [(9, ["name"])]) == {(9, 1): 3, (9, 2): 3}


def test_a_file_does_not_use_itself() -> None:
    assert identifier_edges([("name", 1)], [(1, ["name"])]) == {}


def test_uses_beyond_a_limit_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projects.indexing.page_rank.MAX_EDGES", 0)
    assert identifier_edges([("name", 1)], [(2, ["name"]), (3, ["name"])]) == {(2, 1): 6}
