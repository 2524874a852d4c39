"""ServerParam: a value that an operator has set."""

from django.conf import settings
from django.db import models

from settings_params.secrets import EncryptedTextField


class ServerParam(models.Model):
    """One stored value; a param without a row has its environment's value or its default. A secret's is in `secret`."""

    key = models.CharField(max_length=120, unique=True)
    value = models.JSONField(null=True)
    secret = EncryptedTextField(null=True)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.key
