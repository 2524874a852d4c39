"""Django's `flush` as a test with real transactions needs it at its end: quick."""

from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.commands.flush import Command as Flush
from django.db import connections, transaction

KEPT = {model._meta.db_table for model in (ContentType, Permission)}  # the migrations make these rows, and no test does


class Command(Flush):
    """Deletes the rows of the tables that have any.

    Django's truncates all tables, which makes a new file for each and for each of its indexes with PostgreSQL, and
    then makes every content type and permission again.
    """

    def handle(self, **options: Any) -> None:
        """Empty the database of that alias; foreign keys are deferred, so that the order does not matter."""
        connection = connections[options["database"]]
        tables = sorted(set(connection.introspection.django_table_names(only_existing=False)) - KEPT)
        names = {table: connection.ops.quote_name(table) for table in tables}
        questions = [f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {names[table]})" for table in tables]  # noqa: S608 - names of our own
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(questions))
            for (table,) in cursor.fetchall():
                cursor.execute(f"DELETE FROM {names[table]}")  # noqa: S608 - as above
