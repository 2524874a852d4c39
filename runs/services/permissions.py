"""What an agent asks leave for, and the answers. The first answer counts; the same again is fine."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from config.api.params import read
from projects.leases import Lease
from projects.services.lifecycle import require_writable
from runs.errors import PermissionResolved
from runs.events import Draft, append, storable
from runs.models import Permission, Run

Status = Permission.Status


@transaction.atomic
def ask_permission(run: Run, lease: Lease, *, options: Sequence[dict[str, str]], **fields: Any) -> Permission:
    """Writes the question down and tells everybody. The agent waits."""
    permission = Permission.objects.create(
        run=run,
        attempt=run.attempt,
        options=storable(options),
        expires_at=timezone.now() + timedelta(minutes=read("runs.permission_timeout_minutes")),
        **{name: storable(value) for name, value in fields.items()},
    )
    data = {"permissionId": permission.pk, "kind": permission.kind, "options": list(options)}
    append(run, [Draft("permission_requested", permission.title, "notice", data=data)], lease=lease)
    return permission


def decide_permission(permission: Permission, option_id: str, *, actor: User) -> None:
    """Answers with one of the options. Somebody else's other answer: 409 `permission-resolved`."""
    require_writable(permission.run.project)
    kind = next(option["kind"] for option in permission.options if option["optionId"] == option_id)
    status = Status.ALLOWED if kind.startswith("allow") else Status.REJECTED
    if _resolve(permission, status, option_id, decided_by=actor):
        return
    permission.refresh_from_db()
    if permission.option_id != option_id:
        raise PermissionResolved(
            f"It is {permission.status} already.", run_id=permission.run_id, permission_status=permission.status
        )


def expire_permissions(run: Run) -> None:
    """Closes what is still open: the run is over or the time is up. Open questions count as rejected."""
    for permission in run.permissions.filter(status=Status.PENDING):
        _resolve(permission, Status.EXPIRED, "")


def expire_permission(permission: Permission) -> None:
    """Closes one question that nobody has answered in time."""
    _resolve(permission, Status.EXPIRED, "")


@transaction.atomic
def _resolve(permission: Permission, status: str, option_id: str, decided_by: User | None = None) -> bool:
    rows = Permission.objects.filter(pk=permission.pk, status=Status.PENDING)
    if not rows.update(status=status, option_id=option_id, decided_by=decided_by):
        return False
    permission.refresh_from_db()
    data = {"permissionId": permission.pk, "status": status, "decidedBy": decided_by and decided_by.pk}
    append(permission.run, [Draft("permission_resolved", f"{permission.title}: {status}", data=data)])
    return True
