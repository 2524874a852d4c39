"""The schema as Markdown."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from docs_mgmt.generators.schema.rendering import NOTHING, render_schema
from docs_mgmt.generators.schema.shapes import Column, DatabaseSchema, Table
from tests.docs_mgmt.schema.files import schema_of

pytestmark = pytest.mark.plumbing

SQL = """
CREATE TABLE people (id int PRIMARY KEY, name varchar(20) DEFAULT 'a|b' NOT NULL, CHECK (id > 0));
CREATE TABLE pets (owner int REFERENCES people(id) ON DELETE CASCADE, UNIQUE (owner));
"""


def one_table(name: str) -> DatabaseSchema:
    column = Column(name, name, name, True, name, "a.sql", 1)
    table = Table("", name, (column,), (), (), (), (), "a.sql", 1, "sql-schema", (), 0.9)
    return DatabaseSchema((table,), (), (), (), ())


def test_a_table_tells_its_columns_keys_relations_and_lines() -> None:
    text = render_schema(schema_of({"schema.sql": SQL}))
    assert "### `people`\n\n`schema.sql:2`, sql-schema, confidence 0.95" in text
    assert "| `id` | `int` | no |  | primary | `2` |" in text
    assert "- `owner` → `people` (`id`), one-to-one, on delete cascade" in text
    assert "- check: `id > 0`" in text


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert "| `name` | `varchar(20)` | no | `'a\\|b'` |  | `2` |" in render_schema(schema_of({"schema.sql": SQL}))


def test_databases_are_told_apart_where_there_are_several() -> None:
    text = render_schema(
        schema_of({"a/schema.sql": "CREATE TABLE x (i int);", "b/schema.sql": "CREATE TABLE y (i int);"})
    )
    assert "## Database `a`" in text
    assert "## Database `b`" in text


def test_disagreements_and_what_was_not_read_are_listed() -> None:
    text = render_schema(
        schema_of(
            {
                "db/schema.sql": "CREATE TABLE x (i int);",
                "db/migrations/1.sql": "CREATE TABLE x ((;CREATE TABLE x (i text, j int);",
            }
        )
    )
    assert (
        "- `x.j`: no such column (sql-schema, `db/schema.sql:1`); int (sql-migrations, `db/migrations/1.sql:1`)" in text
    )
    assert "## What was not read\n\n- `db/migrations/1.sql:1`: a statement is not understood: CREATE TABLE x ((" in text


def test_no_table_is_said_so() -> None:
    assert render_schema(schema_of({})) == NOTHING


@given(st.text(max_size=40))
def test_whatever_a_name_is_it_stays_one_row_and_makes_no_markup(name: str) -> None:
    text = render_schema(one_table(name))
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inner = [child.type for token in tokens for child in token.children or []]
    assert sum(token.type == "tr_open" for token in tokens) == 3
    assert {"link_open", "image", "html_inline"}.isdisjoint(inner)
    assert "<!--" not in text


def test_thousands_of_tables_are_told_in_full_as_far_as_there_is_room() -> None:
    columns = tuple(Column(f"column_{n}", "text", "text", True, "x" * 60, "a.sql", n + 1) for n in range(200))
    one = one_table("t").tables[0]
    tables = tuple(replace(one, name=f"t{n:04}", columns=columns) for n in range(300))
    text = render_schema(DatabaseSchema(tables, (), (), (), ()))
    assert len(text) < 2_000_000
    assert "### `t0000`" in text
    assert "- `t0299`, `a.sql:1`" in text
