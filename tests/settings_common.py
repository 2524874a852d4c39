"""The server's settings without what is slow on purpose, or only once in a process of the server's."""

import os

from config.settings import *  # noqa: F403 - a settings module is all of its names
from config.settings import INSTALLED_APPS, MIDDLEWARE

# Tests of other things need no index of what they clone; those of indexes ask for them.
os.environ.setdefault("QUARTERDECK_PARAM_INDEX_AUTOMATIC", "false")
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real ones are slow by design
INSTALLED_APPS = ["tests.emptying", *INSTALLED_APPS]
MIDDLEWARE = [
    name.replace("whitenoise.middleware.WhiteNoiseMiddleware", "tests.static_files.FoundOnce") for name in MIDDLEWARE
]
