"""The shapes of settings."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.renderers import Verbatim
from config.api.serializers import StrictSerializer
from settings_params.availability import ProviderState, is_enabled, known_providers, models_of
from settings_params.queries import Setting

_NO_SUCH_MODEL = "This agent has no such model."


class _WrittenByUsers(serializers.JSONField):
    """A value whose members, if it has any, are a user's: they go out as they came."""

    def to_representation(self, value: Any) -> Any:
        return Verbatim(super().to_representation(value))


class SettingSerializer(serializers.Serializer[Setting]):
    """One param with its value in force; a secret's is never shown."""

    key = serializers.CharField(source="param.key")
    group = serializers.CharField(source="param.group")
    type = serializers.ChoiceField(["bool", "int", "float", "string", "enum", "list", "secret"], source="param.type")
    value = _WrittenByUsers(allow_null=True)
    default = serializers.JSONField(source="param.default", allow_null=True)
    source = serializers.ChoiceField(["default", "environment", "database"])  # type: ignore[assignment] # a declared field does not stay an attribute
    is_secret = serializers.BooleanField(source="param.is_secret")
    is_set = serializers.BooleanField()
    description = serializers.CharField(source="param.description")
    constraints = serializers.SerializerMethodField()

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_constraints(self, setting: Setting) -> Any:
        return Verbatim({**setting.param.constraints, "remotelySettable": setting.param.remote})


class ProviderSerializer(serializers.Serializer[ProviderState]):
    """One agent. `missing` says in sentences what to install or set; it is available when that is empty.

    `access` is how it reaches its model: by the server's gateway, or with a login of its own, which its runs then hold
    and whose use nobody counts; null where it needs no model.
    """

    key = serializers.CharField(source="provider.key")
    name = serializers.CharField(source="provider.name")
    kind = serializers.ChoiceField(["builtin", "acp"], source="provider.kind")
    enabled = serializers.BooleanField()
    available = serializers.BooleanField()
    version = serializers.CharField(allow_null=True)
    models = serializers.ListField(child=serializers.CharField())
    default_model = serializers.CharField(allow_null=True)
    capabilities = serializers.ListField(child=serializers.CharField(), source="provider.capabilities")
    missing = serializers.ListField(child=serializers.CharField())
    access = serializers.ChoiceField(["gateway", "login"], allow_null=True)


class ProviderChangeSerializer(StrictSerializer):
    """What an operator may say of an agent."""

    enabled = serializers.BooleanField(required=False)
    default_model = serializers.CharField(max_length=120, required=False, allow_null=True)

    def validate_default_model(self, model: str | None) -> str | None:
        if model is not None and model not in self.context["models"]:
            raise serializers.ValidationError(_NO_SUCH_MODEL, code="does-not-exist")
        return model


@extend_schema_field({"type": "string", "pattern": "^[a-z][a-z0-9-]{1,39}$"})
class AgentField(serializers.CharField):
    """The key of an agent that runs may be given to."""

    default_error_messages = {
        "does_not_exist": "There is no such agent.",
        "not_enabled": "This agent is not enabled. Operators enable agents: PUT /api/settings/providers/KEY.",
    }

    def to_internal_value(self, data: Any) -> str:
        key: str = super().to_internal_value(data)
        self.run_check(key)
        return key

    def run_check(self, key: str) -> None:
        """For a key that did not come with the body too."""
        if key not in known_providers():
            self.fail("does_not_exist")
        if not is_enabled(key):
            self.fail("not_enabled")


def check_model(agent: str, model: str | None) -> None:
    """Refuses, at `selected_model`, a model that the agent does not have; None leaves the choice to the agent."""
    if model is not None and model not in models_of(agent):
        raise serializers.ValidationError(
            {"selected_model": [serializers.ErrorDetail(_NO_SUCH_MODEL, "does-not-exist")]}
        )
