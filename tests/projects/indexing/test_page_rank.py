"""PageRank of files: who is used by many is ranked high, whatever the order of what is told."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.indexing.page_rank import page_rank
from projects.indexing.uses import Edges, find_edges, pack_identifiers

pytestmark = pytest.mark.plumbing
FILES = 10
LINKS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30)
NAMES = st.lists(st.lists(st.sampled_from(["load", "find_user", "Store", "x"]), max_size=4), max_size=FILES)


def rows(names: dict[int, list[str]]) -> list[tuple[int, bytes]]:
    return [(file, pack_identifiers(each)) for file, each in names.items()]


def packed(names: Iterable[list[str]]) -> list[tuple[int, bytes]]:
    return rows(dict(enumerate(names)))


def uses(defined: dict[int, list[str]], referred: dict[int, list[str]]) -> dict[tuple[int, int], float]:
    """Weights by source and target."""
    return weights(find_edges(FILES, rows(defined), rows(referred), []))


def weights(edges: Edges) -> dict[tuple[int, int], float]:
    pairs = zip(edges.source.tolist(), edges.target.tolist(), strict=True)
    return dict(zip(pairs, edges.weight.tolist(), strict=True))


def test_what_many_use_is_ranked_first() -> None:
    ranks = page_rank(find_edges(4, [], [], [(1, 0), (2, 0), (3, 1)]))
    assert ranks.index(max(ranks)) == 0


def test_nothing_has_no_ranks() -> None:
    assert page_rank(find_edges(0, [], [], [])) == []


@given(defined=NAMES, referred=NAMES, links=LINKS)
def test_ranks_sum_to_one(defined: list[list[str]], referred: list[list[str]], links: list[tuple[int, int]]) -> None:
    assert sum(page_rank(find_edges(FILES, packed(defined), packed(referred), links))) == pytest.approx(1)


@given(data=st.data(), defined=NAMES, referred=NAMES, links=LINKS)
def test_ranks_do_not_depend_on_the_order_of_what_is_told(
    data: st.DataObject, defined: list[list[str]], referred: list[list[str]], links: list[tuple[int, int]]
) -> None:
    mixed = find_edges(
        FILES,
        data.draw(st.permutations(packed(defined))),
        data.draw(st.permutations(packed(referred))),
        data.draw(st.permutations(links)),
    )
    assert page_rank(mixed) == page_rank(find_edges(FILES, packed(defined), packed(referred), links))


def test_a_name_that_many_files_define_tells_nothing() -> None:
    defined = {0: ["shared"], 1: ["shared", "rare"], 2: ["shared"], 3: ["shared"]}
    assert uses(defined, {9: ["rare", "shared"]}) == {(9, 1): 6}


def test_a_short_name_tells_nothing() -> None:
    assert uses({1: ["id"]}, {9: ["id"]}) == {}


def test_a_name_is_shared_among_the_files_that_define_it() -> None:
    assert uses({1: ["name"], 2: ["name", "name"]}, {9: ["name"]}) == {(9, 1): 3, (9, 2): 3}


def test_a_file_does_not_use_itself() -> None:
    assert uses({1: ["name"]}, {1: ["name"]}) == {}


def test_names_and_links_to_one_file_are_added_up() -> None:
    names = [(1, pack_identifiers(["first_name", "last_name"]))]
    assert weights(find_edges(FILES, names, [(9, names[0][1])], [(9, 1)])) == {(9, 1): 18}


def test_uses_beyond_a_limit_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, value in {"MAX_EDGES": 0, "AT_ONCE": 1}.items():
        monkeypatch.setattr(f"projects.indexing.uses.{limit}", value)
    assert uses({1: ["name"]}, {2: ["name"], 3: ["name"]}) == {(2, 1): 6}


def test_definitions_beyond_a_limit_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projects.indexing.uses.MAX_DEFINITIONS", 1)
    assert uses({1: ["name"], 2: ["other"]}, {3: ["name", "other"]}) == {(3, 1): 6}
