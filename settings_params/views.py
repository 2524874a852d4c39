"""`/api/settings/server-params`."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.response import Response

from accounts.errors import OperatorRequired
from accounts.permissions import UserRequest
from config.api.pagination import page_of
from config.api.parsers import VerbatimParser
from config.api.renderers import Verbatim
from config.api.views import ApiViewSet
from settings_params import queries, services
from settings_params.models import ServerParam
from settings_params.queries import Setting

_KINDS = {bool: "bool", int: "int", str: "string"}


class SettingSerializer(serializers.Serializer[Setting]):
    """One param with its value in force."""

    key = serializers.CharField(source="param.key")
    group = serializers.CharField(source="param.group")
    type = serializers.SerializerMethodField()
    value = serializers.JSONField()
    default = serializers.JSONField(source="param.default")
    source = serializers.CharField()  # type: ignore[assignment] # a declared field does not stay an attribute
    is_secret = serializers.SerializerMethodField()
    is_set = serializers.SerializerMethodField()
    description = serializers.CharField(source="param.description")
    constraints = serializers.SerializerMethodField()

    def get_type(self, setting: Setting) -> str:
        return _KINDS[setting.param.kind]

    def get_is_secret(self, setting: Setting) -> bool:
        return False

    def get_is_set(self, setting: Setting) -> bool:
        return setting.source != "default"

    def get_constraints(self, setting: Setting) -> Any:
        return Verbatim({**setting.param.constraints, "remotelySettable": setting.param.remote})


class ServerParamViewSet(ApiViewSet):
    """What the operator has set, and setting it."""

    abilities = {"list": "settings:read", "update": "settings:write"}
    limit_groups = {"update": "settings:write"}
    queryset = ServerParam.objects.none()
    serializer_class = SettingSerializer
    parser_classes = [VerbatimParser]

    def list(self, request: UserRequest) -> Response:
        """Every server param with its value in force."""
        return page_of(request, [SettingSerializer(setting).data for setting in queries.all_settings()])

    @extend_schema(request={"application/json": {"type": "object", "additionalProperties": True}})
    def update(self, request: UserRequest) -> Response:
        """Sets params, all or nothing; null resets one."""
        if not request.user.is_operator:
            raise OperatorRequired("Only operators may change settings.")
        if not isinstance(request.data, dict):
            raise ValidationError([ErrorDetail("The body is an object of keys and values.", code="not-an-object")])
        services.change_params(request.data, actor=request.user, is_remote=True)
        return self.list(request)
