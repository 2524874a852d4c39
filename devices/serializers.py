"""The shapes of devices."""

from typing import Any

from rest_framework import serializers

from config.api.serializers import StrictModelSerializer, StrictSerializer
from devices.models import Device


class NotifySerializer(StrictSerializer):
    """Which pushes a device wants; `preview` lets them carry text of the run."""

    finished = serializers.BooleanField(required=False)
    failed = serializers.BooleanField(required=False)
    paused = serializers.BooleanField(required=False)
    permission = serializers.BooleanField(required=False)
    preview = serializers.BooleanField(required=False)


class DeviceSerializer(StrictModelSerializer):
    """A device. Its APNs token is taken, and never given: `tokenSuffix` is its end."""

    token = serializers.RegexField(
        r"\A(?:[0-9A-Fa-f]{2}){32,100}\Z",
        write_only=True,
        error_messages={"invalid": "An APNs device token is 64 to 200 hexadecimal digits."},
        help_text="The APNs device token in hexadecimal digits.",
    )
    token_suffix = serializers.CharField(read_only=True)
    notify = NotifySerializer(required=False)

    class Meta:
        model = Device
        fields = (
            *("id", "token", "token_suffix", "environment", "bundle_id", "name", "app_version", "locale"),
            *("notify", "created_at", "updated_at"),
        )
        read_only_fields = ("created_at", "updated_at")

    def validate_token(self, token: str) -> str:
        """One spelling for one device."""
        return token.lower()

    def validate_notify(self, notify: dict[str, Any]) -> dict[str, bool]:
        return dict(notify)
