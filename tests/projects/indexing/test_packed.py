"""An analysis comes out of its packing as it went in."""

from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.indexing.packed import pack, unpack
from projects.indexing.shapes import Chunk, FileAnalysis, Import, Symbol

pytestmark = pytest.mark.plumbing
T = TypeVar("T")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
maybe = st.none() | texts
numbers = st.integers(0, 2**31)


def tuples_of(one: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(one, max_size=5).map(tuple)


analyses = st.builds(
    FileAnalysis,
    language=maybe,
    lines=numbers,
    purpose=maybe,
    chunks=tuples_of(st.builds(Chunk, numbers, numbers, maybe)),
    symbols=tuples_of(st.builds(Symbol, texts, texts, numbers, numbers, maybe)),
    imports=tuples_of(st.builds(Import, texts, tuples_of(texts), numbers)),
    references=tuples_of(texts),
    is_generated=st.booleans(),
    is_cut_short=st.booleans(),
)


@given(analyses)
def test_the_way_there_and_back_changes_nothing(analysis: FileAnalysis) -> None:
    assert unpack(pack(analysis)) == analysis
