"""ModelCall: what each call of an agent to its model has used."""

from django.db import models
from django.utils import timezone

from runs.models.run import Run


class ModelCall(models.Model):
    """One call that went through the model gateway. Never changed.

    `input_tokens` is all that was read, `cached_tokens` and `cache_write_tokens` are part of it. `cost_usd` is None
    where the model has no price; `is_estimate`: the answer broke off, or did not say what it used.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="model_calls", db_index=False)
    attempt = models.PositiveIntegerField()
    vendor = models.CharField(max_length=20)
    model = models.CharField(max_length=200)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    is_estimate = models.BooleanField(default=False)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["run", "attempt", "id"], name="calls_of_an_attempt"),
            # The day's sum, before each call: from this index alone.
            models.Index(fields=["at", "cost_usd"], name="calls_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.model}: {self.input_tokens} in, {self.output_tokens} out"
