"""Symbols, imports and references in each of the languages that are parsed."""

import pytest

from projects.indexing.grammars import LANGUAGES, grammar_of
from projects.indexing.languages import language_of, path_kind
from projects.indexing.parsing import analyse, analyse_as
from projects.indexing.symbols import MAX_SYMBOLS
from tests.projects.indexing.samples import SAMPLES

pytestmark = pytest.mark.plumbing


def test_there_is_a_sample_of_every_language() -> None:
    assert {language_of(path_kind(path), content) for path, content, *_ in SAMPLES} == LANGUAGES


def test_every_grammar_takes_its_query() -> None:
    assert all(grammar_of(language) for language in [*LANGUAGES, "tsx"])


@pytest.mark.parametrize(("path", "content", "symbols", "imports"), SAMPLES, ids=[path for path, *_ in SAMPLES])
def test_symbols_and_imports_of(path: str, content: bytes, symbols: list[str], imports: list[str]) -> None:
    found = analyse(path, content)
    assert [f"{s.kind} {s.parent}.{s.name}" if s.parent else f"{s.kind} {s.name}" for s in found.symbols] == symbols
    assert [" ".join([one.module, *one.names]) for one in found.imports] == imports


def test_lines_of_symbols_and_imports_count_from_one() -> None:
    found = analyse("a.py", b"\nimport os\n\nclass A:\n    def f(self):\n        pass\n")
    assert [one.line for one in found.imports] == [2]
    assert [(s.name, s.start_line, s.end_line) for s in found.symbols] == [("A", 4, 6), ("f", 5, 6)]


def test_references_are_words_of_the_code_alone() -> None:
    content = b"# comment words\nfor item in source:\n    emit(f'text {inside} text', item.field, 'text')\n"
    assert analyse("a.py", content).references == ("emit", "field", "inside", "item", "source")


def test_the_same_bytes_of_the_same_path_kind_give_the_same_analysis() -> None:
    content = b"export class A { f() {} }\n"
    assert analyse("deep/in/a.tsx", content) == analyse("b.tsx", content) == analyse_as("tsx", content)


def test_more_symbols_than_are_kept_is_said() -> None:
    found = analyse("a.py", b"".join(b"def f%d(): pass\n" % n for n in range(MAX_SYMBOLS + 1)))
    assert (len(found.symbols), found.is_cut_short) == (MAX_SYMBOLS, True)


@pytest.mark.parametrize("path", ["a.py", "a.js", "a.go", "a.c", "a.rs", "a.php", "a.rb", "a.sql", "A.java", "a.cs"])
@pytest.mark.parametrize("piece", [b"(", b"[", b"{", b"'", b"/*", b"if x:\n ", b"a.", b"f(a, "])
def test_deep_and_unfinished_nesting_is_no_error(path: str, piece: bytes) -> None:
    found = analyse(path, piece * 3000)
    assert found.chunks[-1].end_line == found.lines


def test_a_tree_too_broken_to_be_asked_is_cut_by_line() -> None:
    found = analyse("a.py", b"# It is deep.\n" + (b"(" * 1000 + b"\n") * 50)
    assert (found.symbols, found.is_cut_short, found.purpose) == ((), True, "It is deep")
    assert found.chunks[-1].end_line == found.lines == 51
