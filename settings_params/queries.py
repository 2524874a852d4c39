"""The values in force: default, over it the environment, over it the database."""

import logging
import os
from dataclasses import dataclass
from functools import cache
from typing import Any

from settings_params.models import ServerParam
from settings_params.registry import PARAMS, Param, ParamInvalid

logger = logging.getLogger(__name__)
_PREFIX = "QUARTERDECK_PARAM_"


@dataclass(frozen=True)
class Setting:
    """A param with its value in force and where that comes from: `default`, `environment` or `database`."""

    param: Param
    value: Any
    source: str


def _from_environment(param: Param) -> Setting:
    text = os.environ.get(param.environment_name)
    if text is not None:
        try:
            return Setting(param, param.parse(text), "environment")
        except ParamInvalid as error:
            logger.warning("%s is ignored: %s", param.environment_name, error)
    return Setting(param, param.default, "default")


@cache
def warn_of_unknown_names() -> None:
    """Says once which `QUARTERDECK_PARAM_…` names no param has."""
    known = {param.environment_name for param in PARAMS.values()}
    for name in sorted(set(os.environ) - known):
        if name.startswith(_PREFIX):
            logger.warning("%s is ignored: there is no such server param.", name)


def read_param(key: str) -> Any:
    """The value in force of one param (one query). An unknown key is a KeyError."""
    param = PARAMS[key]
    stored = ServerParam.objects.filter(key=key).values_list("value", flat=True).first()
    return _from_environment(param).value if stored is None else stored


def all_settings() -> list[Setting]:
    """Every param with its value, in the registry's order (one query)."""
    stored = dict(ServerParam.objects.values_list("key", "value"))
    return [
        Setting(param, stored[key], "database") if key in stored else _from_environment(param)
        for key, param in PARAMS.items()
    ]
