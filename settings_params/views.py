"""`/api/settings/server-params`."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.response import Response

from accounts.errors import OperatorRequired
from accounts.permissions import UserRequest
from config.api.pagination import page_of
from config.api.parsers import VerbatimParser
from config.api.views import ApiViewSet
from settings_params import queries, services
from settings_params.models import ServerParam
from settings_params.serializers import SettingSerializer


class ServerParamViewSet(ApiViewSet):
    """What the operator has set, and setting it."""

    abilities = {"list": "settings:read", "update": "settings:write"}
    limit_groups = {"update": "settings:write"}
    queryset = ServerParam.objects.none()
    serializer_class = SettingSerializer
    parser_classes = [VerbatimParser]

    def list(self, request: UserRequest) -> Response:
        """Every server param that the caller may see, with its value in force; secrets without theirs."""
        return page_of(request, self._shown_to(request))

    @extend_schema(
        request={"application/json": {"type": "object", "additionalProperties": True}},
        responses=SettingSerializer(many=True),
    )
    def update(self, request: UserRequest) -> Response:
        """Sets params, all or nothing; null resets one. Answers with all params, in one page."""
        if not request.user.is_operator:
            raise OperatorRequired("Only operators may change settings.")
        if not isinstance(request.data, dict):
            raise ValidationError([ErrorDetail("The body is an object of keys and values.", code="not-an-object")])
        services.change_params(request.data, actor=request.user, is_remote=True)
        return Response({"data": self._shown_to(request), "meta": {"next_cursor": None}})

    def _shown_to(self, request: UserRequest) -> Sequence[Any]:
        settings = queries.all_settings()
        return [
            SettingSerializer(setting).data
            for setting in settings
            if request.user.is_operator or not setting.param.operators_only
        ]
