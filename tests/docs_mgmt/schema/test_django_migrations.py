"""Django migrations add up to tables, and are compared with the models."""

import pytest

from tests.docs_mgmt.schema.files import columns, schema_of, table

pytestmark = pytest.mark.plumbing

FIRST = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Note",
            fields=[
                ("id", models.AutoField(primary_key=True)), ("text", models.TextField()), ("old", models.TextField()),
            ],
            options={"unique_together": {("text", "old")}},
        ),
        migrations.CreateModel(name="Gone", fields=[("id", models.AutoField(primary_key=True))]),
    ]
"""
SECOND = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("notes", "0001_initial")]
    operations = [
        migrations.RenameField("Note", "old", "title"),
        migrations.AddField("note", "size", models.IntegerField(null=True)),
        migrations.AddIndex("note", models.Index(fields=["size"], name="by_size")),
        migrations.DeleteModel("Gone"),
        migrations.RenameModel("Note", "Memo"),
    ]
"""
FILES = {"notes/migrations/0002_more.py": SECOND, "notes/migrations/0001_initial.py": FIRST}
MODELS = """
from django.db import models

class Memo(models.Model):
    text = models.TextField()
    title = models.TextField()
    size = models.IntegerField()
"""


def test_operations_of_all_files_add_up_in_the_order_of_their_dependencies() -> None:
    schema = schema_of(FILES)
    assert [one.name for one in schema.tables] == ["notes_memo"]
    assert columns(schema, "notes_memo") == ["id", "text", "title", "size"]


def test_keys_follow_renamed_fields() -> None:
    memo = table(schema_of(FILES), "notes_memo")
    assert [one.columns for one in memo.unique_keys] == [("text", "title")]
    assert [(one.name, one.columns) for one in memo.indexes] == [("by_size", ("size",))]


def test_a_squashed_migration_counts_only_where_those_that_it_replaces_are_gone() -> None:
    squashed = FIRST.replace("dependencies = []", 'replaces = [("notes", "0001_initial")]')
    both = FILES | {"notes/migrations/0001_squashed.py": squashed}
    alone = {"notes/migrations/0001_squashed.py": squashed, "notes/migrations/0002_more.py": SECOND}
    assert schema_of(both).tables == schema_of(FILES).tables
    assert columns(schema_of(alone), "notes_memo") == ["id", "text", "title", "size"]


def test_models_are_believed_and_what_migrations_say_differently_is_told() -> None:
    schema = schema_of(FILES | {"notes/models.py": MODELS})
    [found] = schema.disagreements
    assert (found.table, found.column, found.about) == ("notes_memo", "size", "nullable")
    assert (found.believed.says, found.believed.path, found.believed.line) == ("not null", "notes/models.py", 7)
    assert (found.other.says, found.other.path, found.other.line) == ("may be null", "notes/migrations/0002_more.py", 8)


def test_a_model_that_migrations_confirm_is_surer_than_one_that_they_do_not() -> None:
    alone, confirmed = (
        table(schema_of({"notes/models.py": MODELS}), "notes_memo"),
        table(
            schema_of(FILES | {"notes/models.py": MODELS.replace("IntegerField()", "IntegerField(null=True)")}),
            "notes_memo",
        ),
    )
    assert (alone.confidence, confirmed.confidence) == (0.95, 0.99)
    assert (confirmed.source_kind, confirmed.also_in) == ("django-models", ("django-migrations",))


def test_a_table_that_only_one_of_the_sources_knows_is_less_sure_and_told_of() -> None:
    kept = SECOND.replace('migrations.DeleteModel("Gone"),', "").replace("null=True", "")
    models = MODELS + "class Other(models.Model):\n    pass\n"
    schema = schema_of(FILES | {"notes/migrations/0002_more.py": kept, "notes/models.py": models})
    found = [(one.name, one.confidence) for one in schema.tables]
    assert found == [("notes_gone", 0.5), ("notes_memo", 0.99), ("notes_other", 0.8)]
    assert [(one.table, one.about) for one in schema.disagreements] == [
        ("notes_gone", "table"),
        ("notes_other", "table"),
    ]


def test_migrations_that_need_each_other_are_read_all_the_same() -> None:
    circle = SECOND.replace("0001_initial", "0003_last")
    files = FILES | {"notes/migrations/0003_last.py": circle.replace("0003_last", "0002_more")}
    assert [one.name for one in schema_of(files).tables] == ["notes_memo"]
