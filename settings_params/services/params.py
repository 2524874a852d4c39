"""Changes server params: all of a change or nothing, audited by keys, secrets encrypted."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from settings_params.errors import NotRemotelySettable, ParamsInvalid
from settings_params.models import ServerParam
from settings_params.params import ParamInvalid, SecretParam
from settings_params.registry import PARAMS
from settings_params.secrets import encrypt
from settings_params.stored import forget_stored_values


def _checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the params take them, or all that is wrong with them."""
    values: dict[str, Any] = {}
    reasons: dict[str, tuple[str, str]] = {}
    for key, value in changes.items():
        try:
            if key not in PARAMS:
                raise ParamInvalid("unknown-member", "There is no such param.")
            values[key] = None if value is None else PARAMS[key].check(value)
        except ParamInvalid as error:
            reasons[key] = error.code, str(error)
    if reasons:
        raise ParamsInvalid(reasons)
    return values


def _refuse_closed(keys: Iterable[str]) -> None:
    closed = [key for key in keys if key in PARAMS and not PARAMS[key].remote]
    if closed:
        raise NotRemotelySettable(
            f"{closed[0]} means code execution. Set it on the server: bin/manage params set {closed[0]} VALUE.",
            keys=closed,
        )


@transaction.atomic
def change_params(changes: Mapping[str, Any], *, actor: User | None, is_remote: bool) -> list[str]:
    """Sets params; None resets one. `is_remote` is False for commands typed on the server itself.

    Gives the keys of secrets that were cleared with it, because the address that they are sent to has changed.
    """
    if is_remote:
        _refuse_closed(changes)
    values = _checked(changes)
    # Encrypted before any row is locked: a rotation of keys makes encrypters wait, and wants the rows.
    columns = {key: None if value is None else _columns(key, value) for key, value in values.items()}
    cleared = _secrets_that_must_not_follow(values)
    for key, row in (columns | dict.fromkeys(cleared)).items():
        _store(key, row, actor)
    audit(actor, "params_changed", keys=sorted({*changes, *cleared}), remote=is_remote)
    forget_stored_values()
    return cleared


def _secrets_that_must_not_follow(values: Mapping[str, Any]) -> list[str]:
    """Stored secrets whose address changes without a new secret: whoever sets the address must not get the old one."""
    stored = dict(ServerParam.objects.select_for_update().order_by("key").values_list("key", "value"))
    return [
        key
        for key, param in PARAMS.items()
        if isinstance(param, SecretParam)
        and key in stored
        and key not in values
        and param.goes_to in values
        and values[param.goes_to] != stored.get(param.goes_to)
    ]


def _columns(key: str, value: Any) -> dict[str, Any]:
    if PARAMS[key].is_secret:
        return {"value": None, "secret": encrypt(value)}
    return {"value": value, "secret": None}


def _store(key: str, row: dict[str, Any] | None, actor: User | None) -> None:
    if row is None:
        ServerParam.objects.filter(key=key).delete()
    else:
        ServerParam.objects.update_or_create(key=key, defaults={**row, "updated_by": actor})
