"""The shapes of settings."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.renderers import Verbatim
from settings_params.queries import Setting


class SettingSerializer(serializers.Serializer[Setting]):
    """One param with its value in force; a secret's is never shown."""

    key = serializers.CharField(source="param.key")
    group = serializers.CharField(source="param.group")
    type = serializers.ChoiceField(["bool", "int", "float", "string", "enum", "list", "secret"], source="param.type")
    value = serializers.JSONField(allow_null=True)
    default = serializers.JSONField(source="param.default", allow_null=True)
    source = serializers.ChoiceField(["default", "environment", "database"])  # type: ignore[assignment] # a declared field does not stay an attribute
    is_secret = serializers.BooleanField(source="param.is_secret")
    is_set = serializers.BooleanField()
    description = serializers.CharField(source="param.description")
    constraints = serializers.SerializerMethodField()

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_constraints(self, setting: Setting) -> Any:
        return Verbatim({**setting.param.constraints, "remotelySettable": setting.param.remote})
