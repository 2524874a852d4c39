"""Hostile files cost themselves alone, and little time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs_mgmt.generators.schema.extracting import extract_schema
from docs_mgmt.generators.schema.rendering import render_schema
from docs_mgmt.generators.schema.sql_split import split_statements
from tests.docs_mgmt.schema.files import Files, schema_of, table

pytestmark = pytest.mark.plumbing

MODEL = "from django.db import models\nclass A(models.Model):\n    x = "
GOOD = {"good/models.py": f"{MODEL}models.TextField()\n"}
DIAMOND = "".join(f"class A{n}(A{n - 1}, B{n - 1}): pass\nclass B{n}(A{n - 1}, B{n - 1}): pass\n" for n in range(1, 28))
TABLE = "CREATE TABLE t (id int);\n"


@pytest.mark.parametrize(
    "text",
    [
        MODEL + "(" * 5_000 + ")" * 5_000,
        MODEL + "-" * 50_000 + "1",
        MODEL + "+".join(['"a"'] * 20_000),
        MODEL + "a" + ".b" * 50_000,
        MODEL + "\0",
        MODEL + "'unfinished",
    ],
    ids=["parentheses", "signs", "sums", "attributes", "a zero byte", "a string without an end"],
)
def test_python_that_cannot_be_parsed_is_told_of_and_costs_itself_alone(text: str) -> None:
    schema = schema_of(GOOD | {"bad/models.py": text})
    assert [one.name for one in schema.tables] == ["good_a"]
    assert [one.path for one in schema.unread] == ["bad/models.py"]


def test_newer_python_than_this_one_is_read_all_the_same() -> None:
    text = "from django.db import models\ntype X = int\ndef f[T](a: T) -> T:\n    try: pass\n    except A, B: pass\n"
    schema = schema_of({"a/models.py": f"{text}class G[T](models.Model):\n    x = models.TextField()\n"})
    assert [(one.name, one.line) for one in schema.tables] == [("a_g", 6)]


@pytest.mark.parametrize("first", ["from django.db import models\nclass A0(models.Model): pass\n", ""])
def test_bases_that_meet_again_and_again_are_each_looked_at_once(first: str) -> None:
    mapped = "from sqlalchemy import Column\nclass Z(A27, B27):\n    __tablename__ = 'z'\n    id = Column(Integer)\n"
    schema = schema_of({"a/models.py": f"{first}class B0: pass\n{DIAMOND}{mapped}"})
    assert "z" in [one.name for one in schema.tables]


def test_keys_that_are_references_to_each_other_end() -> None:
    text = MODEL + "models.OneToOneField('B', 1, primary_key=True)\n"
    text += "class B(models.Model):\n    y = models.OneToOneField('A', 1, primary_key=True)\n"
    assert len(schema_of({"a/models.py": text}).tables) == 2


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE a (x int DEFAULT " + "(" * 5_000 + "1" + ")" * 5_000 + ");",
        "'" * 100_001,
        "/* " * 100_000,
        "".join(f"$a{n}$ " for n in range(50_000)),
        "ALTER TABLE " + " " * 150_000 + "x;",
        "ALTER TABLE " + "a" * 150_000 + "!;",
        " \t" * 200_000 + "\n",
        "DELIMITER ;;\n" * 50_000,
    ],
    ids=["parentheses", "quotes", "comments", "dollars", "spaces", "a long name", "blanks", "delimiters"],
)
def test_sql_that_is_no_sql_costs_no_more_than_itself(text: str) -> None:
    assert [one.name for one in schema_of({"schema.sql": TABLE + text}).tables] == ["t"]


def test_the_rows_of_a_large_dump_are_passed_over() -> None:
    rows = "INSERT INTO t VALUES (1, 'it''s; CREATE TABLE x (id int);');\n" * 50_000
    assert [one.name for one in schema_of({"schema.sql": TABLE + rows}).tables] == ["t"]


def test_a_file_that_is_too_large_is_told_of() -> None:
    schema = schema_of({"a/models.py": MODEL + "#" * 2_000_000})
    assert [(one.path, one.reason) for one in schema.unread] == [("a/models.py", "it has more than 1048576 bytes")]


def test_a_file_that_is_not_to_be_read_is_passed_over() -> None:
    class Unreadable(Files):
        def read(self, path: str) -> bytes | None:
            return None

    assert extract_schema(Unreadable(GOOD)).tables == ()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "db/schema.rb",
            "ActiveRecord::Schema.define do\ncreate_table 'x' do |t|\nt.string 'a', default: " + "[" * 9_000,
        ),
        ("database/migrations/2020_a.php", "<?php class A { function up() { Schema::create(" + "'a'." * 9_000),
        ("a.ts", "import 'typeorm'; @Entity() class A { @Column(" + "[" * 9_000),
        ("a.prisma", "datasource d {\n}\nmodel A {\n id Int @id(" + "(" * 50_000),
        ("a.prisma", "datasource d {\n}\nmodel A {\n id Unsupported(" + '""' * 50_000),
    ],
    ids=["ruby", "php", "typescript", "prisma", "prisma's strings"],
)
def test_other_languages_end_too(path: str, text: str) -> None:
    assert "good_a" in [one.name for one in schema_of(GOOD | {path: text}).tables]


def test_classes_that_are_embedded_in_themselves_end() -> None:
    text = "import 'typeorm'; @Entity() class A { @Column() x: string; @Column(() => A) y: A; @Column(() => A) z: A }"
    assert table(schema_of({"a.ts": text}), "a").confidence == 0.6


def test_names_may_be_of_any_script() -> None:
    schema = schema_of({"schema.sql": 'CREATE TABLE "таблица" ("имя" int, "😀" text);'})
    assert "`имя`" in render_schema(schema)


NAMES = st.sampled_from(
    [
        *("a/models.py", "a/migrations/0001.py", "alembic/versions/a.py", "db/schema.rb", "a.prisma", "a.ts"),
        *("schema.sql", "db/migrations/1.sql", "database/migrations/a.php"),
    ]
)
PIECES = st.sampled_from(
    [
        *("class A(models.Model):\n", " x = models.TextField()\n", "op.create_table('a', ", "down_revision = None\n"),
        *("CREATE TABLE a (", "id int", ");", "'", "ALTER TABLE a ", "model A {\n", "id Int @id\n", "}\n"),
        *("create_table :a do |t|\n", "t.string :b\n", "end\n", "@Entity()\n", "class A {", "@Column()", "x: string"),
        *("<?php ", "Schema::create('a', ", "function ($t) { $t->id(); }"),
    ]
)


@given(st.dictionaries(NAMES, st.one_of(st.lists(PIECES, max_size=8).map("".join), st.text(max_size=60)), max_size=4))
def test_whatever_the_files_hold_there_is_a_schema_and_always_the_same(files: dict[str, str]) -> None:
    assert render_schema(schema_of(files)) == render_schema(schema_of(dict(reversed(files.items()))))


@given(
    st.lists(st.sampled_from(["CREATE TABLE a (x int)", "'it''s; so'", "-- a; b\n", "/* ; */", "$$;$$", '"a;b"', "\n"]))
)
def test_statements_are_found_whatever_stands_between_them(between: list[str]) -> None:
    text = f"{' '.join(between)};\nCREATE TABLE last (x int);"
    found = list(split_statements(text))
    assert found[-1].text == "CREATE TABLE last (x int)"
    assert found[-1].line == text[: text.rindex("CREATE")].count("\n") + 1
