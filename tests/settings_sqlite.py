"""The settings of a test process on SQLite: a home of its own, nothing from the caller's environment."""

from tests import process_home

process_home.prepare(database_url=None)

from tests.settings_common import *  # noqa: E402, F403 - the environment must be right before the settings read it
from tests.settings_common import DATABASES, HOME  # noqa: E402

DATABASES["default"]["TEST"] = {"NAME": str(HOME / "test.sqlite3")}  # a file: other processes must see it
DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
