"""Prisma's schemas become tables."""

import pytest

from tests.docs_mgmt.schema.files import column, columns, schema_of, table

pytestmark = pytest.mark.plumbing

SOURCE = 'datasource db {\n  provider = "postgresql"\n  url = env("URL")\n}\n'
SCHEMA = (
    SOURCE
    + """
enum Role {
  ADMIN
}

/// A person. { not a block
model User {
  id       Int      @id @default(autoincrement()) // the key
  email    String   @unique @db.VarChar(200)
  role     Role?
  scores   Float[]
  created  DateTime @default(now()) @map("created_at") @db.Timestamptz(6)
  posts    Post[]
  liked    Post[]   @relation("likes")

  @@map("users")
}

model Post {
  id       String @id @default(uuid())
  authorId Int?
  author   User?  @relation(
    fields: [authorId], references: [id],
    onDelete: Cascade
  )
  likers   User[] @relation("likes")
  raw      Unsupported("tsvector")?

  @@unique([authorId, id(sort: Desc)], map: "author_key")
  @@index([raw])
}
"""
)


def test_models_are_tables_by_their_mapped_names() -> None:
    assert [one.name for one in schema_of({"prisma/schema.prisma": SCHEMA}).tables] == ["_likes", "Post", "users"]


def test_fields_that_are_relations_are_no_columns() -> None:
    schema = schema_of({"prisma/schema.prisma": SCHEMA})
    assert columns(schema, "users") == ["id", "email", "role", "scores", "created_at"]
    assert columns(schema, "Post") == ["id", "authorId", "raw"]


def test_types_are_the_native_ones_or_those_of_the_provider() -> None:
    schema = schema_of({"prisma/schema.prisma": SCHEMA})
    kinds = [one.type for one in table(schema, "users").columns]
    assert kinds == ["integer", "varchar(200)", "enum Role", "double[]", "timestamptz(6)"]
    assert column(schema, "raw", "Post").type == "tsvector"


def test_a_relation_names_columns_of_both_tables_and_what_happens() -> None:
    found = [one for one in schema_of({"prisma/schema.prisma": SCHEMA}).relations if one.from_table == "Post"]
    assert [(one.from_columns, one.to_table, one.to_columns, one.on_delete) for one in found] == [
        (("authorId",), "users", ("id",), "cascade")
    ]


def test_lists_on_both_sides_are_a_table_of_their_own() -> None:
    schema = schema_of({"prisma/schema.prisma": SCHEMA})
    assert [(one.name, one.type) for one in table(schema, "_likes").columns] == [("A", "text"), ("B", "integer")]


def test_keys_have_columns_names_and_lines() -> None:
    post = table(schema_of({"prisma/schema.prisma": SCHEMA}), "Post")
    assert [(one.name, one.columns, one.line) for one in post.unique_keys] == [("author_key", ("authorId", "id"), 33)]
    assert [one.columns for one in post.indexes] == [("raw",)]


def test_a_schema_may_be_several_files() -> None:
    other = "model Other {\n  id Int @id\n}\n"
    schema = schema_of({"prisma/schema/base.prisma": SCHEMA, "prisma/schema/other.prisma": other})
    assert (table(schema, "Other").database, table(schema, "Other").path) == ("", "prisma/schema/other.prisma")


def test_migrations_confirm_a_schema() -> None:
    sql = 'CREATE TABLE "T" ("id" INTEGER NOT NULL, "r" "Role", CONSTRAINT "k" PRIMARY KEY ("id"));'
    model = SOURCE + "enum Role {\n A\n}\nmodel T {\n id Int @id\n r Role?\n}\n"
    schema = schema_of({"prisma/schema.prisma": model, "prisma/migrations/1_a/migration.sql": sql})
    assert (table(schema, "T").also_in, table(schema, "T").confidence) == (("prisma-migrations",), 0.99)
    assert schema.disagreements == ()


def test_a_line_that_is_not_understood_is_told_of_and_costs_itself_alone() -> None:
    schema = schema_of({"prisma/schema.prisma": SOURCE + "model T {\n id Int @id\n ?? nonsense\n x Int\n}\n"})
    assert columns(schema, "T") == ["id", "x"]
    assert [one.line for one in schema.unread] == [7]
