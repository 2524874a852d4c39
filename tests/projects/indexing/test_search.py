"""What a search finds, and in which order; nothing that is asked can break it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from projects.indexing.building import build_index
from projects.indexing.reading import IndexReader
from tests.projects.git.sample import make_origin
from tests.projects.indexing.indexes import InProcess, repository_of

pytestmark = pytest.mark.plumbing
FILES = {
    "shop/orders.py": (
        b"class OrderStore:\n    def cancel_order(self, number):\n        return self.refund(number)\n\n\n"
        b"def parseInvoice(text):\n    return text\n"
    ),
    "shop/payments.py": b"from shop.orders import OrderStore\n\n\ndef charge():\n    OrderStore().cancel_order(1)\n",
    "tests/test_orders.py": b"def test_cancelling():\n    store.cancel_order(3)\n    store.cancel_order(4)\n",
    "web/basket.js": b"export function addToBasket(item) { return item }\n",
    "docs/guide.md": b"# Guide\n\nCustomers are refunded when their orders are cancelled.\n",
    "src/tariffs.go": b"package src\n\nfunc Rates() int { return 1 }\n",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexReader]:
    folder = tmp_path_factory.mktemp("search")
    origin = make_origin(folder / "origin")
    origin.commit(FILES, "first")
    commit = origin.commit({"src/tariffs.go": FILES["src/tariffs.go"] + b"// more\n"}, "VAT for Switzerland")
    build_index(repository_of(origin), commit, folder / "a.sqlite", analyses=InProcess())
    with IndexReader(folder / "a.sqlite") as opened:
        yield opened


def paths(index: IndexReader, query: str, **scope: str) -> list[str]:
    return [file.path for file in index.search(query, **scope)]  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ["cancel_order", "cancelOrder", "cancel order", "CANCEL ORDER"])
def test_an_identifier_is_found_by_every_spelling(index: IndexReader, query: str) -> None:
    assert {"shop/orders.py", "shop/payments.py", "tests/test_orders.py"} <= set(paths(index, query))


@pytest.mark.parametrize(
    "query", ["cancel_order", "OrderStore", "OrderStore.cancel_order", "`parseInvoice`", "OrderStore()"]
)
def test_who_defines_an_exact_symbol_comes_first(index: IndexReader, query: str) -> None:
    first = index.search(query)[0]
    assert (first.path, bool(first.defines), first.score) == ("shop/orders.py", True, 1.0)


def test_of_two_that_define_a_symbol_the_one_that_is_no_test_comes_first(tmp_path: Path) -> None:
    origin = make_origin(tmp_path / "origin")
    theirs = b"from shop.store import Store\n\n\ndef test_store():\n    class Store(Store):\n        store = 1\n"
    commit = origin.commit(
        {"tests/test_store.py": theirs, "shop/kept.py": b"class Store:\n    pass\n"}, "Test the store"
    )
    build_index(repository_of(origin), commit, tmp_path / "a.sqlite", analyses=InProcess())
    with IndexReader(tmp_path / "a.sqlite") as opened:
        found = opened.search("Store")
        assert [(file.path, bool(file.defines)) for file in found] == [
            ("shop/kept.py", True),
            ("tests/test_store.py", True),
        ]


def test_the_passage_that_defines_a_symbol_is_shown(index: IndexReader) -> None:
    chunk = index.search("parseInvoice")[0].chunks[0]
    assert chunk.start_line <= 6 <= chunk.end_line


def test_a_symbol_of_another_class_is_not_the_one_that_was_asked_for(index: IndexReader) -> None:
    assert all(not file.defines for file in index.search("Basket.cancel_order"))


def test_prose_finds_other_forms_of_its_words(index: IndexReader) -> None:
    assert paths(index, "where does cancelling an order refund the customer?")[0] in ("docs/guide.md", "shop/orders.py")


def test_what_commits_said_finds_the_files_that_they_changed(index: IndexReader) -> None:
    found = index.search("switzerland")
    assert [(file.path, file.in_history) for file in found] == [("src/tariffs.go", True)]


def test_a_path_finds_its_file(index: IndexReader) -> None:
    assert paths(index, "basket.js")[0] == "web/basket.js"


@pytest.mark.parametrize(
    "query",
    ["web/api.py", "./web/api.py", "`web/api.py:12`", "WEB/Api.py", "api.py", "API.py:3:7", "what is web/api.py for"],
)
def test_a_named_file_comes_first_whatever_its_words_are(tmp_path: Path, query: str) -> None:
    origin = make_origin(tmp_path / "origin")
    others = {f"web/api/part{number}.py": b"# web api py web api py\n" for number in range(60)}
    commit = origin.commit({**others, "web/api.py": b"x = 1\n", "other/web/api.py.txt": b"web api py\n"}, "all")
    build_index(repository_of(origin), commit, tmp_path / "a.sqlite", analyses=InProcess())
    with IndexReader(tmp_path / "a.sqlite") as opened:
        assert next((file.path, file.is_named) for file in opened.search(query)) == ("web/api.py", True)


def test_a_whole_path_comes_before_paths_that_end_so(index: IndexReader) -> None:
    assert paths(index, "tests/test_orders.py")[0] == "tests/test_orders.py"


def test_a_search_is_kept_to_a_folder(index: IndexReader) -> None:
    assert paths(index, "cancel_order", path="tests/") == ["tests/test_orders.py"]


@pytest.mark.parametrize("path", ["%", "te_ts/", "TESTS/"])
def test_a_folder_is_taken_literally(index: IndexReader, path: str) -> None:
    assert paths(index, "cancel_order", path=path) == []


def test_a_search_is_kept_to_a_language(index: IndexReader) -> None:
    assert paths(index, "order", language="markdown") == ["docs/guide.md"]


def test_history_does_not_lead_out_of_the_scope(index: IndexReader) -> None:
    assert paths(index, "switzerland", language="python") == []


def test_as_many_as_asked_for_come(index: IndexReader) -> None:
    assert len(index.search("cancel_order", limit=1)) == 1


@pytest.mark.parametrize("query", ["...", "\"'`*()-", "", " ", "the of and", "\x00", "漢字", "ü", "💥", "'" * 10_000])
def test_a_query_without_telling_words_finds_nothing_or_something(index: IndexReader, query: str) -> None:
    assert len(index.search(query)) <= len(FILES)


@pytest.mark.parametrize(
    "query",
    [
        'order" OR body:*',
        "NEAR(cancel order, 5)",
        "path : order",
        "order AND NOT order",
        "{path symbol} : order",
        "^order",
        "order*",
        '""order',
        "order ' ; DROP TABLE files --",
    ],
)
def test_the_syntax_of_the_engine_means_nothing(index: IndexReader, query: str) -> None:
    assert "shop/orders.py" in paths(index, query)


def test_a_long_query_is_answered(index: IndexReader) -> None:
    words = " ".join(f"word{number}" for number in range(2000))
    assert "shop/orders.py" in paths(index, f"cancel_order {words}")


@hypothesis_settings(max_examples=40)
@given(query=st.text(max_size=200))
def test_any_text_is_answered(index: IndexReader, query: str) -> None:
    found = index.search(query, limit=3)
    assert all(0 <= file.score <= 1 for file in found)
