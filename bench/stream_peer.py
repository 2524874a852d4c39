"""The usual way to streams of events in Django, for comparison: django-eventstream behind daphne, with stored events.

`bench/stream.py --peer` makes a virtual environment for it and starts it there; nothing of ours is imported but the
commands. Events are kept in SQLite, as ours are, so that a reader can resume.
"""

import argparse
import sys
import tempfile
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.stream_commits import DATA, MESSAGE, answer_commands

CHANNEL = "run"


def configure(folder: str) -> None:
    """A site of nothing but the streams."""
    from django.conf import settings

    settings.configure(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django_eventstream"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": f"{folder}/db.sqlite3",
                "CONN_MAX_AGE": None,
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 8,
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
                },
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        EVENTSTREAM_STORAGE_CLASS="django_eventstream.storage.DjangoModelStorage",
        USE_TZ=True,
    )


def commit(events: int) -> float:
    """Sends so many, as its documentation says; it stores each and tells its readers."""
    peer: Any = import_module("django_eventstream")  # in the bench's own environment for it
    at = time.monotonic()
    for _ in range(events):
        peer.send_event(CHANNEL, "agent_event", {"eventType": "agent_message", "message": MESSAGE, "data": DATA})
    return at


def main() -> int:
    """Serves until it is ended by a signal."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        configure(folder)
        from daphne.server import Server

        import django  # isort: skip - daphne first

        django.setup()
        from django.core.asgi import get_asgi_application
        from django.core.management import call_command
        from django.urls import include, path

        call_command("migrate", verbosity=0)
        urls: Any = sys.modules[__name__]
        urls.urlpatterns = [path("events/", include("django_eventstream.urls"), {"channels": [CHANNEL]})]
        threading.Thread(target=answer_commands, args=(commit,), daemon=True).start()
        Server(get_asgi_application(), [f"tcp:port={given.port}:interface=127.0.0.1"]).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
