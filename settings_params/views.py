"""`/api/settings/…`."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.response import Response

from accounts.errors import OperatorRequired
from accounts.permissions import UserRequest
from config.api.pagination import PARAMETERS, page_of
from config.api.parsers import VerbatimParser
from config.api.problems import NotFound
from config.api.views import ApiViewSet
from settings_params import availability, queries
from settings_params.errors import NotRemotelySettable, ProviderNotAvailable, SecretUnreadable
from settings_params.models import AgentProvider, ServerParam
from settings_params.serializers import ProviderChangeSerializer, ProviderSerializer, SettingSerializer
from settings_params.services.params import change_params
from settings_params.services.providers import SHORT_SECONDS, change_provider, probe_providers
from settings_params.shapes import changes_schema
from settings_params.stored import forget_stored_values

_KEY = OpenApiParameter("key", str, OpenApiParameter.PATH, description="Key of the agent.")


def _require_operator(request: UserRequest) -> None:
    if not request.user.is_operator:
        raise OperatorRequired("Only operators may change settings.")


class ServerParamViewSet(ApiViewSet):
    """What the operator has set, and setting it."""

    abilities = {"list": "settings:read", "update": "settings:write"}
    problems = {"update": (OperatorRequired, NotRemotelySettable, SecretUnreadable)}
    limit_groups = {"update": "settings:write"}
    queryset = ServerParam.objects.none()
    serializer_class = SettingSerializer
    parser_classes = [VerbatimParser]

    def list(self, request: UserRequest) -> Response:
        """Every server param that the caller may see, with its value in force; secrets without theirs."""
        return page_of(request, self._shown_to(request))

    @extend_schema(
        request={"application/json": changes_schema()},
        responses=SettingSerializer(many=True),
        parameters=[OpenApiParameter(name, exclude=True) for name in PARAMETERS],  # one page: there is no other
    )
    def update(self, request: UserRequest) -> Response:
        """Sets params, all or nothing; null resets one. Answers with all params, in one page."""
        _require_operator(request)
        if not isinstance(request.data, dict):
            raise ValidationError([ErrorDetail("The body is an object of keys and values.", code="not-an-object")])
        change_params(request.data, actor=request.user, is_remote=True)
        return Response({"data": self._shown_to(request), "meta": {"next_cursor": None}})

    def forget_kept(self) -> None:
        forget_stored_values()

    def _shown_to(self, request: UserRequest) -> Sequence[Any]:
        settings = queries.all_settings()
        return [
            SettingSerializer(setting).data
            for setting in settings
            if request.user.is_operator or not setting.param.operators_only
        ]


class ProviderViewSet(ApiViewSet):
    """The agents that the server knows of, and which of them runs may be given to."""

    abilities = {"list": "settings:read", "update": "settings:write"}
    problems = {"update": (OperatorRequired, ProviderNotAvailable)}
    limit_groups = {"update": "settings:write"}
    queryset = AgentProvider.objects.none()
    serializer_class = ProviderSerializer

    def check_visible(self) -> None:
        if (key := self.kwargs.get("key", "")) and key not in availability.known_providers():
            raise NotFound(f"There is no agent with the key {key!r}.")

    def list(self, request: UserRequest) -> Response:
        """Every agent, with what is missing on this server to run it."""
        probe_providers(timeout_seconds=SHORT_SECONDS)
        return page_of(request, [ProviderSerializer(state).data for state in availability.provider_states()])

    @extend_schema(request=ProviderChangeSerializer, responses=ProviderSerializer, parameters=[_KEY])
    def update(self, request: UserRequest, key: str) -> Response:
        """Enables or disables an agent, and chooses its default model; null clears that."""
        self.check_visible()
        _require_operator(request)
        body = ProviderChangeSerializer(data=request.data, context={"models": availability.models_of(key)})
        body.is_valid(raise_exception=True)
        probe_providers(timeout_seconds=SHORT_SECONDS)
        change_provider(key, actor=request.user, **body.validated_data)
        return Response(ProviderSerializer(availability.provider_state(key)).data)
