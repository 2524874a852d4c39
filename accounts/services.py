"""Signing in, elevation, signing out."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import abilities as ability_rules
from accounts.errors import ElevationRequired, InvalidCredentials, MissingAbility, OperatorRequired, WrongPassword
from accounts.models import AccessToken, AuditEntry, IdempotencyRecord, StreamLease, User
from accounts.tokens import TOKEN_LIFETIME, digest
from config.api.idempotency import KEPT_FOR
from config.api.problems import Unauthenticated

PRUNED_AT_ONCE = 1_000
STREAM_LEASE_KEPT = timedelta(minutes=5)  # a process that was held up renews its own still
Rows = TypeVar("Rows", bound=QuerySet[Any])


def audit(actor: User | None, action: str, **detail: Any) -> None:
    """Writes one audit row, in the transaction of what it tells of."""
    AuditEntry.objects.create(actor=actor, action=action, detail=detail)


def sign_in(
    email: str, password: str, *, device_name: str = "", abilities: Sequence[str] | None = None
) -> tuple[AccessToken, str]:
    """A new token and its text, shown once. Takes as long for an unknown address as for a wrong password."""
    wanted = list(ability_rules.DEFAULT if abilities is None else abilities)
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    if user is None:
        make_password(password)  # the work of a check, so that the time does not tell who has an account
    if user is None or not user.check_password(password):
        audit(user, "sign_in_failed", email=email)
        raise InvalidCredentials
    if missing := ability_rules.missing_from(ability_rules.DEFAULT, wanted):
        raise ElevationRequired(missing=missing)
    with transaction.atomic():
        _require_unchanged(user)
        audit(user, "signed_in", device_name=device_name)
        return issue_token(user, wanted, name=device_name)


def _require_unchanged(user: User) -> None:
    """Holds the person until the end: a password changed or an account disabled meanwhile lets nobody in."""
    people = User.objects.select_for_update(no_key=True)
    if not people.filter(pk=user.pk, password=user.password, is_active=True).first():
        raise InvalidCredentials


def issue_token(
    user: User,
    abilities: Sequence[str],
    *,
    name: str = "",
    lifetime: timedelta = TOKEN_LIFETIME,
    parent: AccessToken | None = None,
) -> tuple[AccessToken, str]:
    """Writes a token row and returns it with its text `{id}|{secret}`."""
    secret = secrets.token_urlsafe(32)
    token = AccessToken.objects.create(
        user=user,
        name=name,
        secret_sha256=digest(secret),
        abilities=list(abilities),
        parent=parent,
        expires_at=timezone.now() + lifetime,
    )
    return token, f"{token.pk}|{secret}"


def elevate(
    token: AccessToken, password: str, wanted: Sequence[str], *, ttl_minutes: int = 15
) -> tuple[AccessToken, str]:
    """A second, short-lived token with the caller's abilities and these. It ends with its parent."""
    user = token.user
    if token.is_elevated:
        raise MissingAbility("An elevated token cannot be elevated again: use its parent.", required_ability=wanted[0])
    if not check_password(password, user.password):
        audit(user, "elevation_failed", abilities=list(wanted))
        raise WrongPassword
    if ability_rules.OPERATOR_ONLY.intersection(wanted) and not user.is_operator:
        raise OperatorRequired("Only operators may change settings.")
    with transaction.atomic():
        if not AccessToken.objects.select_for_update(of=("self",)).filter(pk=token.pk).first():
            raise Unauthenticated  # revoked since the request came in, as by a new password
        audit(user, "elevated", abilities=list(wanted), ttl_minutes=ttl_minutes)
        together = list(dict.fromkeys([*token.abilities, *wanted]))
        return issue_token(user, together, name=token.name, lifetime=timedelta(minutes=ttl_minutes), parent=token)


def prune_expired() -> dict[str, int]:
    """Deletes what has expired and opens nothing any more, a bounded number of rows of each kind; how many it was.

    Tokens (with devices and elevated tokens that hang on them), console sessions, kept answers, places of streams. May
    be called by several at once, and killed at any point: the next call goes on.
    """
    now = timezone.now()
    tokens = _first(AccessToken.objects.filter(expires_at__lte=now))
    sessions, answers = Session.objects.filter(expire_date__lte=now), IdempotencyRecord.objects.all()
    places = StreamLease.objects.filter(expires_at__lte=now - STREAM_LEASE_KEPT)
    ended = tokens.count()
    tokens.end()
    return {
        "tokens": ended,
        "sessions": _first(sessions).delete()[0],
        "kept_answers": _first(answers.filter(created_at__lte=now - KEPT_FOR)).delete()[0],
        "stream_places": _first(places).delete()[0],
    }


def _first(rows: Rows) -> Rows:
    """A bounded number of them; asked again in the DELETE, so that what was prolonged meanwhile stays."""
    return rows.filter(pk__in=list(rows.order_by("pk").values_list("pk", flat=True)[:PRUNED_AT_ONCE]))


@transaction.atomic
def revoke_token(token: AccessToken, *, actor: User) -> None:
    """Ends a token and those elevated from it."""
    audit(actor, "token_revoked", token_id=token.pk, name=token.name)
    AccessToken.objects.filter(pk=token.pk).end()
