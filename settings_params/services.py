"""Changes server params: all of a change or nothing, audited."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from settings_params.errors import NotRemotelySettable, ParamsInvalid
from settings_params.models import ServerParam
from settings_params.registry import PARAMS, ParamInvalid


def _check(changes: Mapping[str, Any]) -> None:
    reasons: dict[str, tuple[str, str]] = {}
    for key, value in changes.items():
        try:
            if key not in PARAMS:
                raise ParamInvalid("unknown-member", "There is no such param.")
            if value is not None:
                PARAMS[key].check(value)
        except ParamInvalid as error:
            reasons[key] = error.code, str(error)
    if reasons:
        raise ParamsInvalid(reasons)


def change_params(changes: Mapping[str, Any], *, actor: User | None, is_remote: bool) -> None:
    """Sets params; None resets one. `is_remote` is False for commands typed on the server itself."""
    _check(changes)
    if is_remote and (closed := [key for key in changes if not PARAMS[key].remote]):
        raise NotRemotelySettable(
            f"{closed[0]} means code execution. Set it on the server: bin/manage params set {closed[0]} VALUE.",
            keys=closed,
        )
    with transaction.atomic():
        for key, value in changes.items():
            if value is None:
                ServerParam.objects.filter(key=key).delete()
            else:
                ServerParam.objects.update_or_create(key=key, defaults={"value": value, "updated_by": actor})
        audit(actor, "params_changed", keys=sorted(changes), remote=is_remote)
