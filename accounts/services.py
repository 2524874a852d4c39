"""Signing in, elevation, signing out."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone

from accounts import abilities as ability_rules
from accounts.errors import ElevationRequired, InvalidCredentials, MissingAbility, OperatorRequired, WrongPassword
from accounts.models import AccessToken, AuditEntry, User
from accounts.tokens import TOKEN_LIFETIME, digest
from config.api.problems import Unauthenticated


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


@transaction.atomic
def revoke_token(token: AccessToken, *, actor: User) -> None:
    """Ends a token and those elevated from it."""
    audit(actor, "token_revoked", token_id=token.pk, name=token.name)
    AccessToken.objects.filter(pk=token.pk).end()
