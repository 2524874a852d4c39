"""Finds the token behind a bearer text."""

import secrets
from contextlib import suppress
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils import timezone

from accounts.models import AccessToken
from accounts.tokens import TOKEN_LIFETIME, digest
from config.one_commit import AWAY
from config.statements import Statement

_USE_NOTED_EVERY = timedelta(minutes=1)
_TOKEN = Statement(
    lambda pk: (
        AccessToken.objects.select_related("user").annotate(parent_expires_at=F("parent__expires_at")).filter(pk=pk)
    ),
    parameters=1,
)
_NO_DIGEST = "-" * 64  # equal to no digest: what is compared where there is no token


def find_token(text: str) -> AccessToken | None:
    """The usable token that `{id}|{secret}` names, with its user; None when there is none. Constant time."""
    token_id, _, secret = text.partition("|")
    if not (token_id.isascii() and token_id.isdigit() and len(token_id) < 19 and secret):
        return None
    token = _TOKEN.first(int(token_id))
    if token is not None and not _is_usable(token, vars(token)["parent_expires_at"]):
        token = None
    is_right = secrets.compare_digest(token.secret_sha256 if token else _NO_DIGEST, digest(secret))
    return token if is_right else None


def _is_usable(token: AccessToken, parent_expires_at: datetime | None) -> bool:
    """What `AccessTokenQuerySet.usable` asks, of one token that has been read with its person."""
    now = timezone.now()
    is_whole = token.parent_id is None or (parent_expires_at is not None and parent_expires_at > now)
    return is_whole and token.expires_at > now and token.user.is_active


def note_use(token: AccessToken) -> None:
    """Writes the time of last use, at most once a minute; a token that is not elevated lives on from there."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at >= _USE_NOTED_EVERY:
        expires_at = token.expires_at if token.is_elevated else now + TOKEN_LIFETIME
        unnoted = Q(last_used_at=None) | Q(last_used_at__lte=now - _USE_NOTED_EVERY)  # of many at once, one writes
        with suppress(*AWAY):  # a request that only reads is not refused because somebody writes for long
            AccessToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=now, expires_at=expires_at)
