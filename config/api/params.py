"""Reads a server param by its key. The registry lives in an app; the setting `PARAM_READER` names it."""

from functools import cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string


@cache
def _reader(path: str) -> Any:
    return import_string(path)


def read(key: str) -> Any:
    """The value in force: database over environment over default. An unknown key is a KeyError."""
    return _reader(settings.PARAM_READER)(key)
