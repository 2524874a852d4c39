"""Tries of passwords, limited for each address and for each account, whichever door they come through."""

from django.http import HttpRequest

from accounts.models import User
from accounts.services import audit
from config.api import throttle


def count_attempt(request: HttpRequest, email: str, *, actor: User | None = None) -> None:
    """Counts one try; over a limit it is 429 `rate-limited`, audited once a minute, and no password is looked at.

    An account is counted by its name, so that nothing tells whether there is one. Who has no tries left from an
    address uses up no account's.
    """
    for group, key in (("logins:address", "ip"), ("logins:account", _normal_form(email))):
        usage = throttle.count(group, key, request)
        if usage.count == usage.limit + 1:
            audit(actor, "attempts_limited", limit=group, email=email)
        throttle.spend(request, usage)


def _normal_form(email: str) -> str:
    """One name for all spellings that find one account: databases compare by capitals, where i without a dot is I."""
    return email.strip().upper().casefold()
