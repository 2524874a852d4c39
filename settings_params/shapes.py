"""What a change of params looks like, for the OpenAPI document: the keys with what each takes; null resets."""

from typing import Any

from settings_params.params import Param
from settings_params.registry import PARAMS

Schema = dict[str, Any]
_TYPES = {"bool": "boolean", "int": "integer", "float": "number", "list": "array"}
_BOUNDS = ("minimum", "maximum", "minLength", "maxLength")


def changes_schema() -> Schema:
    """The body of `PUT /api/settings/server-params`: the params that may be set over the network."""
    return {
        "type": "object",
        "properties": {key: _value(param) for key, param in PARAMS.items() if param.remote},
        "additionalProperties": False,
    }


def _value(param: Param) -> Schema:
    bounds = {name: value for name, value in param.constraints.items() if name in _BOUNDS}
    told = {"type": [_TYPES.get(param.type, "string"), "null"], "description": param.description}
    if "choices" in param.constraints:
        return {**told, "enum": [*param.constraints["choices"], None]}
    if param.type == "list":
        items = {"type": "string", "minLength": 1, **bounds}
        return {**told, "items": items, "maxItems": param.constraints["maxItems"], "uniqueItems": True}
    return {**told, **bounds}
