"""`/api/auth/…`: thin doors to accounts.services."""

from typing import Any

from django.db.models import Prefetch, Q
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.response import Response

from accounts import errors, serializers, services
from accounts.attempts import count_attempt
from accounts.errors import MissingAbility
from accounts.models import AccessToken, AccessTokenQuerySet
from accounts.permissions import IsPublic, UserRequest
from config.api.looking import look_for
from config.api.problems import RateLimited
from config.api.views import ApiViewSet

_NO_STORE = {"Cache-Control": "no-store"}


class AuthViewSet(ApiViewSet):
    """Signing in and out."""

    abilities = {"logout": None, "me": None, "elevate": None}
    problems = {
        "token": (errors.InvalidCredentials, errors.ElevationRequired, RateLimited),
        "elevate": (errors.MissingAbility, errors.WrongPassword, errors.OperatorRequired),
    }
    serializer_class = serializers.UserSerializer
    queryset = AccessToken.objects.none()
    pagination_class = None

    def _read(self, kind: type[Any], request: UserRequest) -> dict[str, Any]:
        body = kind(data=request.data)
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        return data

    @extend_schema(request=serializers.SignInSerializer, responses={201: serializers.SignedInSerializer}, auth=[])
    @action(detail=False, methods=["post"], authentication_classes=[], permission_classes=[IsPublic])
    def token(self, request: UserRequest) -> Response:
        """Signs in with email and password."""
        body = self._read(serializers.SignInSerializer, request)
        count_attempt(request._request, body["email"])  # noqa: SLF001 - DRF's own way to what middleware sees
        token, text = services.sign_in(**body)
        user = serializers.UserSerializer(token.user, context={"token": token}).data
        answer = serializers.issued(token, text) | {"user": user}
        return Response(answer, status=status.HTTP_201_CREATED, headers=_NO_STORE)

    @extend_schema(request=serializers.ElevateSerializer, responses={201: serializers.IssuedTokenSerializer})
    @action(detail=False, methods=["post"])
    def elevate(self, request: UserRequest) -> Response:
        """A second, short-lived token for pushing or for changing settings."""
        body = self._read(serializers.ElevateSerializer, request)
        if not isinstance(request.auth, AccessToken):
            raise MissingAbility("Elevate from a token.", required_ability=body["abilities"][0])
        count_attempt(request._request, request.user.email, actor=request.user)  # noqa: SLF001 - as above
        token, text = services.elevate(
            request.auth, body["password"], body["abilities"], ttl_minutes=body["ttl_minutes"]
        )
        return Response(serializers.issued(token, text), status=status.HTTP_201_CREATED, headers=_NO_STORE)

    @extend_schema(request=None, responses={204: None})
    @action(detail=False, methods=["post"])
    def logout(self, request: UserRequest) -> Response:
        """Revokes this token and those elevated from it."""
        self.refuse_body(request)
        if isinstance(request.auth, AccessToken):
            services.revoke_token(request.auth, actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses=serializers.UserSerializer)
    @action(detail=False, methods=["get"])
    def me(self, request: UserRequest) -> Response:
        """Who am I, and what may this token do?"""
        return Response(serializers.UserSerializer(request.user, context={"token": request.auth}).data)


class SessionViewSet(ApiViewSet):
    """Where a person is signed in: their tokens by device."""

    abilities = {"list": None, "destroy": None}
    request: UserRequest
    serializer_class = serializers.SessionSerializer
    queryset = AccessToken.objects.none()

    def get_queryset(self) -> AccessTokenQuerySet:
        return AccessToken.objects.filter(user=self.request.user)

    def list(self, request: UserRequest) -> Response:
        """The caller's sessions, newest first, each with the tokens elevated from it."""
        elevated = Prefetch("elevated", AccessToken.objects.usable().order_by("pk"))
        sessions = look_for(self.get_queryset().filter(parent=None), Q(expires_at__gt=timezone.now()))
        page = self.paginate_queryset(sessions.prefetch_related(elevated))
        context = {**self.get_serializer_context(), "token": request.auth}
        return self.get_paginated_response(serializers.SessionSerializer(page, many=True, context=context).data)

    def destroy(self, request: UserRequest, pk: str) -> Response:
        """Ends a session of the caller's, this one too, or an elevated token; streams of it end within 5 seconds."""
        services.revoke_token(self.get_object(), actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
