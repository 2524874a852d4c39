"""`/api/devices…`: thin doors to devices.services."""

from typing import cast

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.response import Response

from accounts.models import AccessToken
from accounts.permissions import UserRequest
from config.api.views import ApiViewSet
from devices import services
from devices.models import Device, DeviceQuerySet
from devices.serializers import DeviceSerializer


class DeviceViewSet(ListModelMixin, ApiViewSet):
    """The caller's devices, newest first."""

    abilities = {"list": "projects:read", "create": "projects:write", "destroy": "projects:write"}
    request: UserRequest
    serializer_class = DeviceSerializer
    queryset = Device.objects.none()

    def get_queryset(self) -> DeviceQuerySet:
        return Device.objects.of(self.request.user)

    @extend_schema(responses={200: DeviceSerializer, 201: DeviceSerializer})
    def create(self, request: UserRequest) -> Response:
        """Registers a device, or changes what is known of it; one of somebody else's becomes the caller's."""
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        device, is_new = services.register_device(cast("AccessToken", request.auth), **body.validated_data)
        shown = self.get_serializer(device).data
        if not is_new:
            return Response(shown)
        return Response(shown, status=status.HTTP_201_CREATED, headers={"Location": f"/api/devices/{device.pk}"})

    def destroy(self, request: UserRequest, pk: str) -> Response:
        """Forgets a device: nothing is pushed to it any more."""
        services.remove_device(self.get_object(), actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
