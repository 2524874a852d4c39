"""Every line is in exactly one chunk, whatever the bytes; chunks begin where parts of the code do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.indexing.chunking import MAX_CHUNK_BYTES
from projects.indexing.parsing import analyse

pytestmark = pytest.mark.plumbing
NAMES = (
    "a.py",
    "a.js",
    "a.tsx",
    "a.go",
    "a.rs",
    "A.java",
    "a.c",
    "a.cpp",
    "a.cs",
    "a.php",
    "a.rb",
    "a.sql",
    "a.md",
    "a.css",
)

fragments = st.sampled_from(
    [
        b"def f(x):\n",
        b"class A {\n",
        b"}\n",
        b"(",
        b")",
        b"'",
        b'"""',
        b"/*",
        b"*/",
        b"#",
        b"\n\n",
        b"x = 1\n",
        b"\xff\xc3",
        b"import a from 'b';\n",
        b"func (a *B) c() {\n",
        b"<?php ",
        b"begin\n",
        b"end\n",
        b"\r\n",
        b"\x00",
        b"word " * 400,
    ]
)
contents = st.one_of(st.binary(max_size=4000), st.lists(fragments, max_size=60).map(b"".join))


def line_count(content: bytes) -> int:
    return content.count(b"\n") + (not content.endswith(b"\n") and bool(content))


@given(name=st.sampled_from(NAMES), content=contents)
def test_every_line_is_in_exactly_one_chunk(name: str, content: bytes) -> None:
    found = analyse(name, content)
    lines = [line for chunk in found.chunks for line in range(chunk.start_line, chunk.end_line + 1)]
    assert lines == list(range(1, line_count(content) + 1))
    assert found.lines == line_count(content)


@given(name=st.sampled_from(NAMES), content=contents)
def test_only_a_single_line_is_larger_than_a_chunk_may_be(name: str, content: bytes) -> None:
    lines = [line + b"\n" for line in content.split(b"\n")]
    for chunk in analyse(name, content).chunks:
        size = len(b"".join(lines[chunk.start_line - 1 : chunk.end_line])) - 1
        assert size <= MAX_CHUNK_BYTES or chunk.start_line == chunk.end_line


@given(name=st.sampled_from(NAMES), content=contents)
def test_symbols_and_imports_are_within_the_file(name: str, content: bytes) -> None:
    found = analyse(name, content)
    assert all(1 <= s.start_line <= s.end_line <= max(found.lines, 1) and s.name for s in found.symbols)
    assert all(1 <= one.line <= max(found.lines, 1) and one.module for one in found.imports)
    assert list(found.references) == sorted(set(found.references))


def test_large_functions_are_cut_where_their_statements_begin() -> None:
    body = b"".join(b"    call(%d, [\n        'something rather long',\n    ])\n" % n for n in range(60))
    chunks = analyse("a.py", b"def f():\n" + body).chunks
    assert len(chunks) > 1
    assert all((chunk.start_line - 2) % 3 == 0 for chunk in chunks[1:])
    assert {chunk.symbol for chunk in chunks} == {"f"}


def test_a_comment_stays_with_what_it_is_about() -> None:
    one = b"// About it.\nfunction f%d() {\n" + b"  go();\n" * 100 + b"}\n"
    chunks = analyse("a.js", b"".join(one % n for n in range(5))).chunks
    assert [(chunk.start_line - 1) % 103 for chunk in chunks] == [0] * 5


def test_text_without_a_grammar_is_cut_after_empty_lines() -> None:
    part = b"key: value\n" * 90 + b"\n"
    assert [chunk.start_line for chunk in analyse("a.yml", part * 3).chunks] == [1, 92, 183]


def test_an_empty_file_has_no_chunk() -> None:
    assert analyse("a.py", b"").chunks == ()
    assert analyse("a.txt", b"").lines == 0


def test_a_part_of_an_impl_is_called_as_its_type() -> None:
    methods = b"".join(b"    pub fn f%d(&self) -> u8 {\n        0\n    }\n" % number for number in range(100))
    chunks = analyse("a.rs", b"impl<T> Store<T> {\n" + methods + b"}\n").chunks
    assert {chunk.symbol for chunk in chunks} == {"Store"}
