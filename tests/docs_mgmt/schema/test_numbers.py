"""Two readings of one database are compared column by column."""

import pytest

from docs_mgmt.generators.schema.drafts import SchemaDraft, TableDraft
from docs_mgmt.generators.schema.numbers import compare
from docs_mgmt.generators.schema.shapes import Column

pytestmark = pytest.mark.plumbing


def draft(*columns: tuple[str, str, bool]) -> SchemaDraft:
    table = TableDraft("a", "a.sql", 1)
    for name, kind, nullable in columns:
        table.add_column(Column(name, kind, kind, nullable, None, "a.sql", 1))
    return SchemaDraft({"a": table})


def test_columns_that_both_have_count_twice_over_all_columns() -> None:
    found = compare(draft(("x", "int", False), ("y", "int", False)), draft(("x", "int", False), ("z", "int", False)))
    assert (found.f1, found.only_first, found.only_second) == (0.5, (("a", "y"),), (("a", "z"),))


def test_types_agree_where_one_database_has_another_name_for_it() -> None:
    found = compare(
        draft(("x", "boolean", False), ("y", "int", True)), draft(("x", "tinyint(1)", True), ("y", "text", True))
    )
    assert (found.same_type, found.same_nullable, found.f1) == (1, 1, 1.0)


def test_tables_may_be_left_out() -> None:
    assert compare(draft(("x", "int", False)), SchemaDraft(), ignored={"a"}).f1 == 1.0
