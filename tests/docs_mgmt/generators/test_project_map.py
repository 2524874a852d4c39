"""The project map in Markdown: what it tells, that it is bounded, and that no name in the repository breaks it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from docs_mgmt.generators.project_map import MAX_FILES, MAX_FOLDERS, MapFile, render_project_map

pytestmark = pytest.mark.plumbing
FILES = [
    MapFile("app/models.py", "python", "source", 120, "The rows.", ("Order", "Item"), used_by=4),
    MapFile("app/__init__.py", "python", "source", 1, "Orders and their items."),
    MapFile("tests/test_models.py", "python", "test", 40),
    MapFile("README.md", "markdown", "docs", 9, "Shop"),
]

texts = st.text(max_size=30)
files = st.builds(
    MapFile,
    st.lists(st.text(min_size=1, max_size=8).filter(lambda name: "/" not in name), min_size=1, max_size=4).map(
        "/".join
    ),
    st.none() | texts,
    st.sampled_from(["source", "test", "docs"]),
    st.integers(0, 10**6),
    st.none() | texts,
    st.lists(texts, max_size=9).map(tuple),
    st.integers(0, 9),
)


def test_each_folder_is_told_with_its_files() -> None:
    text = render_project_map(FILES)
    assert "### `app`\n\nOrders and their items. (2 files, 121 lines)" in text
    assert "| `models.py` | source | 120 | The rows. | `Order`, `Item` |" in text
    assert text.startswith("4 files in 3 folders, 170 lines. Languages by files: python 3, markdown 1.\n")


def test_the_order_that_the_files_come_in_does_not_matter() -> None:
    assert render_project_map(FILES[::-1]) == render_project_map(FILES)


@pytest.mark.parametrize(
    "make",
    [
        lambda number: f"f{number}.py",
        lambda number: f"d{number}/f.py",
        lambda number: f"a/b/d{number}/f.py",
        lambda number: "/".join(["d"] * (number % 500)) + f"/{number}",
    ],
)
def test_a_huge_tree_is_told_within_bounds(make: object) -> None:
    text = render_project_map(MapFile(make(number), "python", "source", 1) for number in range(5000))  # type: ignore[operator]
    assert text.count("\n### ") <= MAX_FOLDERS
    assert text.count("\n| `") <= MAX_FILES + 10
    assert "5,000 files" in text


def test_of_many_files_in_a_folder_those_stay_that_others_use_most() -> None:
    many = [MapFile(f"f{number:03}.py", "python", "source", 1) for number in range(200)]
    text = render_project_map([*many, MapFile("z.py", "python", "source", 1, used_by=3)])
    assert "| `z.py` |" in text
    assert "And 141 more files." in text


def test_a_project_without_files_says_so() -> None:
    assert render_project_map([]) == "The project has no files."


@given(st.lists(files, max_size=8, unique_by=lambda file: file.path))
@example([MapFile("0", "\n>", "source", 0)])
def test_whatever_the_repository_says_the_tables_keep_their_form(given_files: list[MapFile]) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(render_project_map(given_files))
    kinds = [token.type for token in tokens]
    assert not {"html_block", "fence", "code_block", "blockquote_open"} & set(kinds)
    assert not [
        child
        for token in tokens
        for child in token.children or []
        if child.type in ("html_inline", "link_open", "image")
    ]
    assert kinds.count("heading_open") <= max(len(given_files), 1)
