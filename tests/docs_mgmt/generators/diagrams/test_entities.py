"""Pictures of tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs_mgmt.generators.diagrams.entities import MAX_DIAGRAMS, entity_diagrams
from tests.docs_mgmt.generators.diagrams.schemas import relation, schema, table

pytestmark = pytest.mark.plumbing


def test_a_table_has_its_columns_with_their_keys_and_its_relations() -> None:
    tables = [table("users", "id", "email", key=("id",), unique="email"), table("posts", "author_id", "maybe_editor")]
    relations = [relation("posts", "author_id", "users"), relation("posts", "maybe_editor", "users", enforced=False)]

    (diagram,) = entity_diagrams(schema(tables, relations))

    assert (diagram.kind, diagram.title, diagram.notes) == ("entities", "Tables", ())
    assert diagram.mermaid == (
        'erDiagram\n  e1["posts"] {\n    varchar author_id FK\n    varchar maybe_editor FK\n  }\n'
        '  e2["users"] {\n    varchar id PK\n    varchar email UK\n  }\n'
        '  e1 }o--|| e2 : "author_id"\n  e1 }o..o| e2 : "maybe_editor"\n'
    )


def test_no_tables_give_no_picture() -> None:
    assert entity_diagrams(schema([])) == []


def test_each_database_has_its_own_pictures() -> None:
    made = schema([table("a", "id"), table("a", "id", database="db/cache")])

    assert [each.title for each in entity_diagrams(made)] == ["Tables", "Tables of db/cache"]


def test_many_tables_are_drawn_without_columns_and_then_part_by_part() -> None:
    tables = [table("hub", "id"), *(table(f"t{n:02}", "id", "hub_id") for n in range(20)), table("alone", "id")]
    relations = [relation(f"t{n:02}", "hub_id", "hub") for n in range(20)]

    diagrams = entity_diagrams(schema(tables, relations))

    assert [each.title for each in diagrams] == [
        "Tables: how they hang together",
        "Tables: around hub",
        "Tables: t14, t15, t16 and 4 more",
    ]
    assert "varchar" not in diagrams[0].mermaid
    assert sum(each.mermaid.count("varchar") for each in diagrams[1:]) == 42


def test_a_wide_table_says_that_columns_are_left_out() -> None:
    (diagram,) = entity_diagrams(schema([table("wide", *(f"c{n}" for n in range(300)))]))

    assert diagram.mermaid.count("varchar") == 40
    assert diagram.notes == ("Only the first 40 columns are shown of `wide`.",)


def test_a_relation_to_a_table_that_is_not_known_is_drawn() -> None:
    (diagram,) = entity_diagrams(schema([table("a", "b_id")], [relation("a", "b_id", "b")]))

    assert 'e2["b"] {' in diagram.mermaid


def test_there_are_not_too_many_pictures() -> None:
    diagrams = entity_diagrams(schema(table(f"t{n}", *"abcdefghijklmnopqrst") for n in range(1_000)))

    assert len(diagrams) == MAX_DIAGRAMS
    assert diagrams[-1].notes[-1].endswith("more pictures of tables are left out.")


pairs = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=150)


@given(st.integers(0, 30), pairs)
def test_every_table_is_drawn_once_with_its_columns(count: int, given: list[tuple[int, int]]) -> None:
    tables = [table(f"t{n}", f"c{n}") for n in range(count)]
    relations = [relation(f"t{a}", f"c{a}", f"t{b}") for a, b in given if a < count]

    diagrams = entity_diagrams(schema(tables, relations))

    drawn = "".join(each.mermaid for each in diagrams)
    assert [drawn.count(f"varchar c{n}\n") + drawn.count(f"varchar c{n} FK\n") for n in range(count)] == [1] * count
    assert all(each.mermaid.count(" : ") <= 100 for each in diagrams)
