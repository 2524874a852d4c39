"""The server's settings without what is slow on purpose, or only once in a process of the server's."""

from config.settings import *  # noqa: F403 - a settings module is all of its names
from config.settings import INSTALLED_APPS, MIDDLEWARE

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real ones are slow by design
INSTALLED_APPS = ["tests.emptying", *INSTALLED_APPS]
MIDDLEWARE = [
    name.replace("whitenoise.middleware.WhiteNoiseMiddleware", "tests.static_files.FoundOnce") for name in MIDDLEWARE
]
