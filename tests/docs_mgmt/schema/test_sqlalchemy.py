"""SQLAlchemy's models and Alembic's migrations become tables."""

import pytest

from tests.docs_mgmt.schema.files import column, columns, schema_of, table

pytestmark = pytest.mark.plumbing

MODELS = """
import datetime
from typing import Annotated, Optional
from sqlalchemy import Column, ForeignKey, Index, String, Table, UniqueConstraint, BigInteger
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column, relationship

key = Annotated[int, mapped_column(BigInteger, primary_key=True)]

class Base(DeclarativeBase):
    pass

class Stamped:
    created_at: Mapped[datetime.datetime] = mapped_column(default=now)

    @declared_attr
    def owner_id(cls) -> Mapped[int]:
        return mapped_column(ForeignKey("users.id", ondelete="CASCADE"), nullable=False)

class User(Base):
    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("name", "nick", name="names"), Index("by_nick", "nick"), {"comment": "people"})

    id: Mapped[key]
    name: Mapped[str] = mapped_column(String(50))
    nick: Mapped[Optional[str]]
    age: Mapped[int | None] = mapped_column("years")
    posts: Mapped[list["Post"]] = relationship(back_populates="user")

class Post[T](Stamped, Base):
    __tablename__ = "posts"

    id = Column(BigInteger, primary_key=True)
    kind = Column(String(10), unique=True, index=True, nullable=False)

class Special(Post):
    extra: Mapped[str | None]

links = Table("links", Base.metadata, Column("a", ForeignKey("users.id"), primary_key=True), Column("b", String))
"""
FIRST = """
from alembic import op
import sqlalchemy as sa

revision = "a1"
down_revision = None

def upgrade():
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("old", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "old", name="names"),
    )
    op.create_table("gone", sa.Column("id", sa.Integer()))
"""
SECOND = """
from alembic import op
import sqlalchemy as sa

revision = "b2"
down_revision = "a1"

def upgrade():
    with op.batch_alter_table("users") as batch_op:
        batch_op.add_column(sa.Column("age", sa.Integer(), nullable=True))
        batch_op.alter_column("old", new_column_name="nick", nullable=False)
    op.create_index("by_age", "users", ["age"], unique=True)
    op.drop_table("gone")
    op.execute("ALTER TABLE users ADD COLUMN extra jsonb")

def downgrade():
    op.drop_table("users")
"""
MIGRATIONS = {"alembic.ini": "", "migrations/versions/2_b.py": FIRST, "migrations/versions/1_a.py": SECOND}


def test_mapped_classes_and_tables_are_found() -> None:
    assert [one.name for one in schema_of({"app/models.py": MODELS}).tables] == ["links", "posts", "users"]


def test_columns_are_told_by_calls_and_by_annotations() -> None:
    users = table(schema_of({"app/models.py": MODELS}), "users")
    found = [(one.name, one.type, one.nullable) for one in users.columns]
    assert found == [
        ("id", "bigint", False), ("name", "varchar(50)", False), ("nick", "varchar", True), ("years", "integer", True),
    ]  # fmt: skip
    assert users.primary_key == ("id",)


def test_columns_of_mixins_and_of_children_in_one_table_are_its() -> None:
    schema = schema_of({"app/models.py": MODELS})
    assert columns(schema, "posts") == ["created_at", "owner_id", "id", "kind", "extra"]
    assert not column(schema, "owner_id", "posts").nullable


def test_keys_and_relations_are_read() -> None:
    schema = schema_of({"app/models.py": MODELS})
    users = table(schema, "users")
    assert [(one.name, one.columns) for one in users.unique_keys] == [("names", ("name", "nick"))]
    assert [(one.name, one.columns) for one in users.indexes] == [("by_nick", ("nick",))]
    found = [(one.from_table, one.from_columns, one.to_table, one.on_delete) for one in schema.relations]
    assert found == [("links", ("a",), "users", None), ("posts", ("owner_id",), "users", "cascade")]


def test_a_class_of_sqlmodel_is_a_table() -> None:
    text = """
    from sqlmodel import Field, Relationship, SQLModel
    class HeroBase(SQLModel):
        name: str = Field(index=True, max_length=20)
        age: int | None = Field(default=None)
    class Hero(HeroBase, table=True):
        id: int | None = Field(default=None, primary_key=True)
        team_id: int | None = Field(default=None, foreign_key="team.id")
        team: "Team" = Relationship(back_populates="heroes")
    class HeroPublic(HeroBase):
        id: int
    """
    schema = schema_of({"app/models.py": text})
    assert [(one.name, columns(schema, one.name)) for one in schema.tables] == [
        ("hero", ["name", "age", "id", "team_id"])
    ]
    assert [one.to_table for one in schema.relations] == ["team"]


def test_a_class_of_flask_sqlalchemy_is_named_after_itself() -> None:
    text = """
    from flask_sqlalchemy import SQLAlchemy
    db = SQLAlchemy()
    class BlogPost(db.Model):
        id = db.Column(db.Integer, primary_key=True)
    """
    assert [one.name for one in schema_of({"app/models.py": text}).tables] == ["blog_post"]


def test_alembic_follows_the_revisions_not_the_names_of_files() -> None:
    schema = schema_of(MIGRATIONS)
    assert [(one.name, columns(schema, one.name)) for one in schema.tables] == [
        ("users", ["id", "name", "nick", "age", "extra"])
    ]
    users = table(schema, "users")
    assert (users.primary_key, column(schema, "nick", "users").nullable) == (("id",), False)
    assert [(one.name, one.columns) for one in users.unique_keys] == [("names", ("name", "nick")), ("by_age", ("age",))]


def test_models_and_migrations_are_one_database() -> None:
    schema = schema_of(MIGRATIONS | {"app/models.py": MODELS})
    assert {one.database for one in schema.tables} == {""}
    assert ("users", "years") in [(one.table, one.column) for one in schema.disagreements]


def test_sql_in_a_migration_has_its_own_lines() -> None:
    text = FIRST + '    op.execute("""\n        CREATE TABLE raws (\n            id int\n        )\n    """)\n'
    found = column(schema_of({"migrations/versions/a.py": text}), "id", "raws")
    assert text.splitlines()[found.line - 1].split() == ["id", "int"]
