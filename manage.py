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
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
