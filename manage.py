#!/usr/bin/env python3
"""The door for management commands; started by bin/manage, which sets up the environment first."""

import os
import sys


def main() -> None:
    """Hand the command line to Django with this project's settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed here. Use bin/manage instead of manage.py: it sets everything up.")
    from django.db import DatabaseError

    try:
        execute_from_command_line(sys.argv)
    except DatabaseError as error:
        cure = _cure_of(error)
        if cure is None:
            raise
        sys.exit(cure)


def _cure_of(error: Exception) -> str | None:
    """What an operator must do, where that helps; asked only when something has failed, as it takes a moment."""
    from django.db import DatabaseError

    from config.schema_state import missing_migrations

    try:
        if not missing_migrations():
            return None
    except DatabaseError:
        return f"The database cannot be used: {error}. Check DATABASE_URL, and free disk space."
    return "The database is not set up for this version: start bin/serve once, or run bin/manage migrate."


if __name__ == "__main__":
    main()
