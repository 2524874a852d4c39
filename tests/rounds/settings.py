"""The server's settings for rounds: nobody pulls the plug here, and what a process wrote outlives its kill -9 without a
wait for the disk."""

from config.settings import *  # noqa: F403 - a settings module is all of its names
from config.settings import DATABASES

if "init_command" in DATABASES["default"].get("OPTIONS", {}):
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
