"""The settings of a test process on PostgreSQL; `bin/test` names the server in TEST_DATABASE_URL."""

import os

from tests import process_home

process_home.prepare(database_url=os.environ["TEST_DATABASE_URL"])

from tests.settings_common import *  # noqa: E402, F403 - the environment must be right before the settings read it
from tests.settings_common import DATABASES  # noqa: E402

# One test process plays many streams, workers and clients at once, each with a connection of its own.
DATABASES["default"]["OPTIONS"]["pool"] |= {"max_size": 40}
