"""User, AccessToken, StreamLease, AuditEntry."""

from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone


class UserManager(BaseUserManager["User"]):
    """Finds and makes users by email."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """An operator: sees everything, changes settings, enters the console."""
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True, **fields})

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by email. `is_staff` makes an operator."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("operator", default=False)
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_without_case")]

    def __str__(self) -> str:
        return self.email

    def get_short_name(self) -> str:
        return self.name or self.email

    @property
    def is_operator(self) -> bool:
        return self.is_staff and self.is_active


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    """Questions about tokens."""

    def usable(self) -> Self:
        """Not expired, nor is the token that it was elevated from, and the person behind it is active."""
        now = timezone.now()
        whole = models.Q(parent=None) | models.Q(parent__expires_at__gt=now)
        return self.filter(whole, expires_at__gt=now, user__is_active=True)

    def end(self) -> None:
        """Deletes them with all that hangs on them; locked first, as by whoever hangs something on one."""
        with transaction.atomic():
            list(self.select_for_update(of=("self",)).order_by("pk"))
            self.delete()


class AccessToken(models.Model):
    """A bearer token `{id}|{secret}`. Only the secret's SHA-256 is kept. An elevated one ends with its parent."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens", db_index=False)
    name = models.CharField(max_length=200, blank=True)
    secret_sha256 = models.CharField(max_length=64)
    abilities = models.JSONField(default=list)
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="elevated")
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()

    objects = AccessTokenQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["user", "parent", "id"], name="sessions_of_a_person")]

    def __str__(self) -> str:
        return f"token {self.pk} of {self.user_id}"

    @property
    def is_elevated(self) -> bool:
        return self.parent_id is not None


class StreamLease(models.Model):
    """A place of an open event stream. `client` is the name that the stream gave itself, `owner` its web process."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="stream_leases")
    token = models.ForeignKey(
        AccessToken, on_delete=models.CASCADE, null=True, blank=True, related_name="stream_leases"
    )
    path = models.CharField(max_length=200)
    client = models.CharField(max_length=100, blank=True)
    owner = models.CharField(max_length=64)
    opened_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.path} of {self.user_id}"


class AuditEntry(models.Model):
    """One security-relevant act: who did what to what, when. Never a secret."""

    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="audit_entries")
    action = models.CharField(max_length=80)
    detail = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_id}"


class IdempotencyRecord(models.Model):
    """A POST that was sent with an `Idempotency-Key`, and its answer; `status` is None while `owner` works on it.

    Of the request only a digest is kept. Answers with tokens or signed addresses are never here.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=500)
    key = models.CharField(max_length=255)
    request_sha256 = models.CharField(max_length=64)
    owner = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    headers = models.JSONField(default=dict, blank=True)
    body = models.BinaryField(default=b"", blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=("user", "method", "path", "key"), name="idempotency_key_once")]

    def __str__(self) -> str:
        return f"{self.method} {self.path} of {self.user_id}"
