"""Places of event streams: so many at once for one person, over all web processes.

A place is a lease. The web process that streams renews it; one that is not renewed for 30 seconds, or whose process
is dead, is free. Its stream ends when the row is gone: replaced, taken after it lapsed, or ended with its token.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import AccessToken, StreamLease, User
from config.api.owners import is_owner_gone, owner_id
from config.api.params import read
from config.api.problems import RateLimited, Unauthenticated
from projects.leases import LEASE

_EXPIRED = ExpressionWrapper(Q(expires_at__lte=Now()), output_field=BooleanField())


@dataclass(frozen=True)
class TakenPlace:
    """A new place, and the places of older streams that ended for it."""

    pk: int
    replaced: frozenset[int]


class Holder(NamedTuple):
    """The person who holds a place."""

    user_id: int
    is_operator: bool


@transaction.atomic
def take_place(user: User, token: AccessToken | None, *, path: str, client: str) -> TakenPlace:
    """A place for a stream of that path, or 429. It replaces the same client's by the same token and path.

    The person's row is held until the end, so that many at once take no more than there are. `client` may be empty:
    then nothing is replaced.
    """
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if token and not AccessToken.objects.select_for_update(of=("self",)).filter(pk=token.pk).first():
        raise Unauthenticated  # revoked since the request came in; locked before its leases, as where it ends
    leases = StreamLease.objects.filter(user=user).select_for_update(of=("self",)).order_by("pk")
    held = list(leases.annotate(is_expired=_EXPIRED))
    stream = (token and token.pk, path, client)
    replaced = {each.pk for each in held if client and (each.token_id, each.path, each.client) == stream}
    gone = {owner for owner in {each.owner for each in held} if is_owner_gone(owner)}
    free = {each.pk for each in held if each.is_expired or each.owner in gone}
    limit = read("limits.streams_per_user")
    if len({each.pk for each in held} - replaced - free) >= limit:
        seconds = int(LEASE.total_seconds())
        raise RateLimited(
            limit, seconds, f"There may be {limit} event streams at once. Close one; a lost one is free in {seconds} s."
        )
    StreamLease.objects.filter(pk__in=replaced | free).delete()
    lease = StreamLease.objects.create(
        user=user, token=token, path=path, client=client, owner=owner_id(), expires_at=Now() + LEASE
    )
    return TakenPlace(lease.pk, frozenset(replaced))


def renew_places(places: Collection[int]) -> None:
    """Another full term for all places of a web process, by one UPDATE."""
    StreamLease.objects.filter(pk__in=places).update(expires_at=Now() + LEASE)


def free_places(places: Collection[int]) -> None:
    """Gives places up."""
    StreamLease.objects.filter(pk__in=places).delete()


def holders() -> dict[int, Holder]:
    """Who holds the places of this process' streams: those whose token, where they have one, can still be used."""
    now = timezone.now()
    living = Q(token=None) | (
        Q(token__expires_at__gt=now) & (Q(token__parent=None) | Q(token__parent__expires_at__gt=now))
    )
    leases = StreamLease.objects.filter(living, owner=owner_id(), user__is_active=True)
    rows = leases.values_list("pk", "user_id", "user__is_staff")
    return {pk: Holder(user_id, is_operator) for pk, user_id, is_operator in rows}
