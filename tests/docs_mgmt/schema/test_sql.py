"""SQL files become tables: snapshots and migrations, in several dialects."""

import logging

import pytest

from tests.docs_mgmt.schema.files import column, columns, schema_of, table

pytestmark = pytest.mark.plumbing

POSTGRES = """
-- people of the shop; not a "quote
CREATE TABLE public.people (
    id bigserial PRIMARY KEY,
    name character varying(20) DEFAULT 'x;y' NOT NULL, /* a; comment */
    tags text[]
);
COPY people (id, name) FROM stdin;
1	it's; CREATE TABLE data (id int);
\\.
CREATE FUNCTION f() RETURNS int AS $body$ BEGIN; CREATE TABLE inner_one (id int); END $body$ LANGUAGE plpgsql;
CREATE TABLE orders (
    id int GENERATED ALWAYS AS IDENTITY,
    person_id bigint REFERENCES people ON DELETE CASCADE,
    total numeric(8,2),
    CONSTRAINT sums CHECK (total > 0)
);
ALTER TABLE ONLY orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
CREATE UNIQUE INDEX by_name ON people USING btree (lower(name)) WHERE tags IS NULL;
INSERT INTO people VALUES (1, 'CREATE TABLE no (id int);');
"""
MYSQL = """
CREATE TABLE `people` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `name` varchar(20) NOT NULL DEFAULT 'it\\'s; so',
  `shop_id` int DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `names` (`name`),
  KEY `shops` (`shop_id`),
  CONSTRAINT `to_shop` FOREIGN KEY (`shop_id`) REFERENCES `shops` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB;
DELIMITER ;;
CREATE TRIGGER t BEFORE INSERT ON people FOR EACH ROW BEGIN DROP TABLE people; END;;
DELIMITER ;
RENAME TABLE people TO persons;
"""


def test_a_dump_gives_its_tables_and_nothing_of_its_data_functions_and_comments() -> None:
    assert [one.name for one in schema_of({"db/schema.sql": POSTGRES}).tables] == ["orders", "people"]


def test_columns_have_types_nullability_defaults_and_lines() -> None:
    schema = schema_of({"db/schema.sql": POSTGRES})
    name = column(schema, "name", "people")
    assert (name.type, name.nullable, name.default, name.line) == ("varchar(20)", False, "'x;y'", 5)
    assert column(schema, "tags", "people").type == "text[]"
    assert table(schema, "orders").line == 12


def test_keys_and_checks_beside_and_after_the_table_are_its() -> None:
    schema = schema_of({"db/schema.sql": POSTGRES})
    assert (table(schema, "people").primary_key, table(schema, "orders").primary_key) == (("id",), ("id",))
    [key] = table(schema, "people").unique_keys
    assert (key.name, key.columns, key.condition) == ("by_name", ("LOWER(name)",), "tags IS NULL")
    assert [(one.name, one.expression) for one in table(schema, "orders").checks] == [("sums", "total > 0")]


def test_a_reference_without_columns_means_the_primary_key() -> None:
    [relation] = schema_of({"db/schema.sql": POSTGRES}).relations
    assert (relation.from_columns, relation.to_table, relation.to_columns) == (("person_id",), "people", ("id",))
    assert relation.on_delete == "cascade"


def test_mysql_is_told_by_its_words() -> None:
    schema = schema_of({"db/schema.sql": MYSQL})
    assert columns(schema, "persons") == ["id", "name", "shop_id"]
    assert [one.name for one in table(schema, "persons").unique_keys] == ["names"]
    assert [(one.to_table, one.on_delete) for one in schema.relations] == [("shops", "set null")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("ALTER TABLE a ADD COLUMN d int, DROP COLUMN b, DROP COLUMN IF EXISTS gone CASCADE;", ["id", "c", "d"]),
        ("ALTER TABLE a RENAME COLUMN b TO d;", ["id", "d", "c"]),
        ("ALTER TABLE a RENAME CONSTRAINT x TO y; ALTER TYPE mood ADD VALUE 'sad';", ["id", "b", "c"]),
        ("ALTER TABLE a CHANGE COLUMN b d varchar(9) NOT NULL;", ["id", "d", "c"]),
        ("CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f();", ["id", "b", "c"]),
        ("CREATE TABLE IF NOT EXISTS a (other int);", ["id", "b", "c"]),
        ("CREATE TABLE new (id int); DROP TABLE a; ALTER TABLE new RENAME TO a;", ["id"]),
        ("ALTER TABLE a ENABLE ROW LEVEL SECURITY; ALTER TABLE a OWNER TO me;", ["id", "b", "c"]),
    ],
)
def test_migrations_change_tables_in_the_order_of_their_numbers(change: str, expected: list[str]) -> None:
    files = {"db/migrations/10_b.sql": change, "db/migrations/9_a.sql": "CREATE TABLE a (id int, b text, c text);"}
    schema = schema_of(files)
    assert (columns(schema, "a"), schema.unread) == (expected, ())


def test_what_takes_a_migration_back_is_not_done() -> None:
    files = {
        "migrations/1_a.up.sql": "CREATE TABLE a (id int);",
        "migrations/1_a.down.sql": "DROP TABLE a;",
        "migrations/2_b.sql": "-- +goose Up\nCREATE TABLE b (id int);\n-- +goose Down\nDROP TABLE b;\n",
    }
    assert [one.name for one in schema_of(files).tables] == ["a", "b"]


def test_the_type_of_a_column_is_changed_and_so_is_whether_it_may_be_null() -> None:
    change = "ALTER TABLE a ALTER COLUMN b TYPE bigint USING b::bigint, ALTER COLUMN b SET NOT NULL;"
    files = {"migrations/1.sql": f"CREATE TABLE a (b int);\n{change}"}
    b = column(schema_of(files), "b", "a")
    assert (b.type, b.nullable) == ("bigint", False)


def test_snapshots_of_one_schema_in_several_dialects_are_one_database() -> None:
    text = "CREATE TABLE a (x int); CREATE TABLE b (x int, {0}); CREATE TABLE c (x int);"
    schema = schema_of(
        {"db/mysql/schema.sql": text.format("y text"), "db/sqlite/schema.sql": text.format("z text")},
    )
    assert [one.name for one in schema.tables] == ["a", "b", "c"]
    assert [(one.table, one.column, one.about) for one in schema.disagreements] == [
        ("b", "y", "column"),
        ("b", "z", "column"),
    ]


def test_a_statement_that_is_not_understood_is_told_of_and_costs_itself_alone(caplog: pytest.LogCaptureFixture) -> None:
    text = "CREATE TABLE a (id int);\nCREATE TABLE ((( nonsense;\nCREATE TABLE b (id int);\n"
    with caplog.at_level(logging.DEBUG):
        schema = schema_of({"schema.sql": text})
    assert [one.name for one in schema.tables] == ["a", "b"]
    assert [(one.path, one.line) for one in schema.unread] == [("schema.sql", 2)]
    assert caplog.records == []
