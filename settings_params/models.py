"""ServerParam, a value that an operator has set, and AgentProvider, an agent that runs may be given to."""

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


class AgentProvider(models.Model):
    """What is known of an agent: the operator's choices, and what its program said when it was asked last.

    An agent without a row is as `settings_params.providers` has it. Whether it is available is looked up, never stored:
    programs and keys come and go. A check (`bin/manage check_agent`) holds for the program as it was then,
    `checked_binary`; `check_failure` is empty for one that was passed.
    """

    key = models.CharField(max_length=40, unique=True)
    enabled = models.BooleanField()
    default_model = models.CharField(max_length=120, null=True, blank=True)
    binary = models.CharField(max_length=4200, blank=True)
    version = models.CharField(max_length=60, null=True, blank=True)
    version_failed = models.BooleanField(default=False)
    probed_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    checked_binary = models.CharField(max_length=4200, blank=True)
    check_failure = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.key
