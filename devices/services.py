"""Registering and removing devices."""

from contextlib import suppress
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import AccessToken, User
from accounts.services import audit
from config.api.problems import Unauthenticated
from devices.models import Device, default_notify

_TRIES = 5


@transaction.atomic
def register_device(access_token: AccessToken, *, token: str, **fields: Any) -> tuple[Device, bool]:
    """The device of that APNs token, and whether it is new. It belongs to this access token from now on.

    What is not given stays as it is; of another person's device nothing stays, nor of their wishes.
    """
    owner = _lock_owner(access_token)
    device, is_new = _take(token, owner, environment=fields["environment"])
    previous = device.user
    if previous != owner.user:
        device = Device(pk=device.pk, token=token, created_at=device.created_at)
    wishes = {**default_notify(), **device.notify, **fields.pop("notify", {})}
    for name, value in {**fields, "notify": wishes, "access_token": owner, "user": owner.user}.items():
        setattr(device, name, value)
    device.save()
    if is_new:
        audit(owner.user, "device_registered", device_id=device.pk)
    elif previous != owner.user:
        audit(owner.user, "device_moved", device_id=device.pk, previous_user_id=previous.pk)
    return device, is_new


def _lock_owner(access_token: AccessToken) -> AccessToken:
    """The token that the device goes with, held until the end: an elevated token's devices are its parent's."""
    tokens = AccessToken.objects.select_for_update(of=("self",)).select_related("user")
    owner = tokens.filter(pk=access_token.parent_id or access_token.pk).first()
    if owner is None:  # revoked since the request came in
        raise Unauthenticated
    return owner


def _take(token: str, owner: AccessToken, *, environment: str) -> tuple[Device, bool]:
    """The row of that APNs token, locked; made if there is none. Two at a time get one row."""
    rows = Device.objects.select_for_update(of=("self",)).select_related("user")
    new = {"access_token": owner, "user": owner.user, "environment": environment}
    for _ in range(_TRIES):
        with suppress(IntegrityError):  # the row that was in the way has been deleted meanwhile
            return rows.get_or_create(token=token, defaults=new)
    return rows.get_or_create(token=token, defaults=new)


@transaction.atomic
def remove_device(device: Device, *, actor: User) -> None:
    """Forgets the device."""
    audit(actor, "device_removed", device_id=device.pk)
    device.delete()
