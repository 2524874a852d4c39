"""Device."""

from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

from accounts.models import AccessToken, User


class DeviceQuerySet(models.QuerySet["Device"]):
    """Questions about devices."""

    def of(self, user: User) -> Self:
        """Those that the user's tokens have registered; nobody sees other people's."""
        return self.filter(user=user)


def default_notify() -> dict[str, bool]:
    """Every kind of push, and nothing of the content in it."""
    return dict(Device.NOTIFY_DEFAULTS)


class Device(models.Model):
    """An app on a phone, known by its APNs device token. It goes with the access token that registered it."""

    class Environment(models.TextChoices):
        SANDBOX = "sandbox"
        PRODUCTION = "production"

    NOTIFY_DEFAULTS: ClassVar[dict[str, bool]] = {
        "finished": True,
        "failed": True,
        "paused": True,
        "permission": True,
        "preview": False,
    }
    SHOWN_CHARACTERS: ClassVar[int] = 8

    access_token = models.ForeignKey(AccessToken, on_delete=models.CASCADE, related_name="devices")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="devices", db_index=False)  # the token's
    token = models.CharField(max_length=200, unique=True)
    environment = models.CharField(max_length=20, choices=Environment)
    bundle_id = models.CharField(max_length=255, blank=True)
    name = models.CharField(max_length=200, blank=True)
    app_version = models.CharField(max_length=40, blank=True)
    locale = models.CharField(max_length=40, blank=True)
    notify = models.JSONField(default=default_notify)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    objects = DeviceQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["user", "id"], name="devices_of_a_person")]

    def __str__(self) -> str:
        return f"{self.name or 'device'} …{self.token_suffix}"

    @property
    def token_suffix(self) -> str:
        """All of the device token that is ever shown: who has it whole can address the phone."""
        return self.token[-self.SHOWN_CHARACTERS :]
