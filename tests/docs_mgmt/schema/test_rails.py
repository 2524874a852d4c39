"""Rails' schema.rb, structure.sql and migrations become tables."""

import pytest

from tests.docs_mgmt.schema.files import column, columns, schema_of, table

pytestmark = pytest.mark.plumbing

SCHEMA = """
ActiveRecord::Schema[7.1].define(version: 2024_01_01_000000) do
  enable_extension "plpgsql"

  create_table "posts", id: :uuid, default: -> { "gen_random_uuid()" }, force: :cascade do |t|
    t.string "title", limit: 100, default: "", null: false
    t.bigint "user_id", null: false
    t.decimal "score", precision: 10, scale: 2, default: "0.0"
    t.string "tags", array: true
    t.datetime "created_at", precision: nil
    t.index ["user_id", "title"], name: "by_user", unique: true, where: "(score > 1)"
    t.check_constraint "score >= 0", name: "positive"
  end

  create_table "users", force: :cascade do |t|
    t.string "email"
  end

  create_table "memberships", id: false, force: :cascade do |t|
    t.integer "a", limit: 8
  end

  add_foreign_key "posts", "users", on_delete: :cascade
end
"""
FIRST = """
class CreateThings < ActiveRecord::Migration[6.0]
  def change
    create_table :things do |t|
      t.references :user, null: false, foreign_key: true
      t.string :name, :nick
      t.timestamps
    end
    create_table(:gone) { |t| t.text :x }
  end
end
"""
SECOND = """
class ChangeThings < ActiveRecord::Migration[6.0]
  def up
    add_column :things, :size, :integer, default: 0, null: false
    rename_column :things, :nick, :short
    change_column_null :things, :name, false
    add_index :things, [:name, :size], unique: true, name: "both"
    drop_table :gone
    execute "ALTER TABLE things ADD COLUMN extra jsonb"
  end

  def down
    drop_table :things
  end
end
"""
MIGRATIONS = {"db/migrate/20200101_a.rb": FIRST, "db/migrate/20200102_b.rb": SECOND}


def test_a_schema_gives_tables_with_the_ids_that_rails_implies() -> None:
    schema = schema_of({"db/schema.rb": SCHEMA})
    assert columns(schema, "posts") == ["id", "title", "user_id", "score", "tags", "created_at"]
    assert (column(schema, "id", "posts").type, column(schema, "id", "users").type) == ("uuid", "bigint")
    assert (columns(schema, "memberships"), table(schema, "memberships").primary_key) == (["a"], ())


def test_types_have_their_sizes() -> None:
    schema = schema_of({"db/schema.rb": SCHEMA})
    kinds = [column(schema, name, "posts").type for name in ("title", "score", "tags")]
    assert [*kinds, column(schema, "a", "memberships").type] == ["varchar(100)", "numeric(10,2)", "varchar[]", "bigint"]


def test_keys_checks_and_references_are_read_with_their_lines() -> None:
    schema = schema_of({"db/schema.rb": SCHEMA})
    [key] = table(schema, "posts").unique_keys
    assert (key.name, key.columns, key.condition, key.line) == ("by_user", ("user_id", "title"), "(score > 1)", 11)
    [relation] = schema.relations
    assert (relation.from_columns, relation.to_table, relation.to_columns) == (("user_id",), "users", ("id",))
    assert (relation.on_delete, relation.line) == ("cascade", 23)
    assert [one.expression for one in table(schema, "posts").checks] == ["score >= 0"]


def test_a_second_schema_is_another_database() -> None:
    schema = schema_of({"db/schema.rb": SCHEMA, "db/queue_schema.rb": SCHEMA.replace("posts", "jobs")})
    assert {one.database for one in schema.tables} == {"", "queue"}


def test_migrations_count_where_there_is_no_schema() -> None:
    schema = schema_of(MIGRATIONS)
    expected = ["id", "user_id", "name", "short", "created_at", "updated_at", "size", "extra"]
    assert [(one.name, columns(schema, one.name)) for one in schema.tables] == [("things", expected)]
    assert not column(schema, "name", "things").nullable
    assert [(one.name, one.columns) for one in table(schema, "things").unique_keys] == [("both", ("name", "size"))]
    assert [one.to_table for one in schema.relations] == ["users"]


def test_migrations_do_not_count_beside_a_schema() -> None:
    assert "things" not in [one.name for one in schema_of(MIGRATIONS | {"db/schema.rb": SCHEMA}).tables]


def test_a_structure_is_a_snapshot_too() -> None:
    schema = schema_of({"db/structure.sql": "CREATE TABLE public.a (id bigint NOT NULL);"})
    assert [(one.name, one.source_kind, one.database) for one in schema.tables] == [("a", "rails-structure", "")]


def test_sql_in_a_migration_has_its_own_lines() -> None:
    text = FIRST + SECOND.replace(
        'execute "ALTER TABLE things ADD COLUMN extra jsonb"',
        """execute <<~SQL
      CREATE TABLE raws (
        id int
      );
    SQL""",
    ).replace("class ChangeThings", "class Other")
    found = column(schema_of({"db/migrate/20200101_a.rb": text}), "id", "raws")
    assert text.splitlines()[found.line - 1].split() == ["id", "int"]
