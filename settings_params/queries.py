"""The values in force: default, over it the environment, over it the database."""

import base64
import binascii
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from settings_params.errors import SecretUnreadable
from settings_params.params import Param, ParamInvalid, SecretParam
from settings_params.registry import PARAMS
from settings_params.secrets import decrypt
from settings_params.stored import StoredValue, stored_values

logger = logging.getLogger(__name__)
_PREFIX = "QUARTERDECK_PARAM_"


@dataclass(frozen=True)
class Setting:
    """A param and where its value in force comes from: `default`, `environment` or `database`.

    `value` is what people may see: None for a secret, whose `is_set` tells whether there is one.
    """

    param: Param
    value: Any
    source: str

    @property
    def is_set(self) -> bool:
        return self.source != "default"


def _from_environment(param: Param) -> tuple[Any, str]:
    text = os.environ.get(param.environment_name)
    if text is not None:
        try:
            return _parsed(param.key, text), "environment"
        except ParamInvalid as error:
            _warn(param.environment_name, str(error))
    return param.default, "default"


@lru_cache(maxsize=256)
def _parsed(key: str, text: str) -> Any:
    """The environment does not change: read once."""
    return PARAMS[key].parse(text)


@lru_cache(maxsize=256)
def _warn(name: str, reason: str) -> None:
    """Says it once, not at every read."""
    logger.warning("%s is ignored: %s", name, reason)


@cache
def warn_of_unknown_names() -> None:
    """Says once which `QUARTERDECK_PARAM_…` names no param has."""
    known = {param.environment_name for param in PARAMS.values()}
    for name in sorted(set(os.environ) - known):
        if name.startswith(_PREFIX):
            logger.warning("%s is ignored: there is no such server param.", name)


def _in_force(param: Param) -> tuple[Any, str]:
    """The value and its source; of a stored secret the ciphertext."""
    stored = stored_values()
    row = stored.get(param.key)
    if row is not None and (found := _from_row(param, row)) is not None:
        return found, "database"
    value, source = _from_environment(param)
    if isinstance(param, SecretParam) and source == "environment" and param.goes_to in stored:
        return None, "default"  # an operator's key is not sent to an address that came over the network
    return value, source


def _from_row(param: Param, row: StoredValue) -> Any:
    """What the row holds for the param, None where an older version left something else there."""
    if param.is_secret:
        return row.secret
    try:
        return param.check(row.value)
    except ParamInvalid as error:
        _warn(f"The stored value of {param.key}", str(error))
        return None


def read_param(key: str) -> Any:
    """The value in force of one param; a secret in plain text, or None. An unknown key is a KeyError.

    Raises SecretUnreadable where the encryption keys are lost.
    """
    param = PARAMS[key]
    value, source = _in_force(param)
    return decrypt(value) if param.is_secret and source == "database" else value


def secret_values() -> Mapping[str, str]:
    """Every secret in force by its key, in plain text, to keep it from being told. One that no key opens is left out.

    A file that is kept in base64 is there as it was, too, under the key and `(decoded)`.
    """
    found: dict[str, str] = {}
    for param in PARAMS.values():
        if isinstance(param, SecretParam):
            value, source = _in_force(param)
            found |= _opened(param, value, source == "database") if value else {}
    return found


def _opened(param: SecretParam, value: str, is_encrypted: bool) -> Mapping[str, str]:
    try:
        text = _decrypted(value) if is_encrypted else value
    except SecretUnreadable:
        return {}
    decoded = _decoded(text)
    parts = param.parts(text)
    return {**parts, f"{param.key} (decoded)": decoded} if decoded else parts


@lru_cache(maxsize=64)
def _decrypted(token: str) -> str:
    """A ciphertext never changes its meaning."""
    return decrypt(token)


@lru_cache(maxsize=64)
def _decoded(text: str) -> str | None:
    """The text file that a secret is the base64 of, None where it is none."""
    try:
        decoded = base64.b64decode(text, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return decoded if "\n" in decoded and decoded.rstrip("\n").replace("\n", "").isprintable() else None


def setting_of(key: str) -> Setting:
    """One param as people may see it."""
    param = PARAMS[key]
    value, source = _in_force(param)
    return Setting(param, None if param.is_secret else value, source)


def all_settings() -> list[Setting]:
    """Every param as people may see it, in the registry's order."""
    return [setting_of(key) for key in PARAMS]
