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
from runs.events import Draft, append
from runs.known_secrets import redactor_of
from runs.models import Permission, Run
from runs.queries import conflict_members
from runs.storable import storable
from settings_params.commands import covering

Status = Permission.Status
MAX_TITLE_CHARACTERS = 2000
MEMORY = 200
"""How many answers to the same kind of question are looked through."""


@transaction.atomic
def ask_permission(
    run: Run, lease: Lease, *, options: Sequence[dict[str, str]], leave: str = "", **fields: Any
) -> Permission:
    """Writes the question down and tells everybody; the agent waits. One that is answered already is answered at once.

    That is: with "always" in this attempt, or by an answer that no agent has heard, as its process was ended before; by
    `safety.command_allowlist`; or by the executor's `leave`, which says why.
    """
    redactor = redactor_of(run)
    fields = redactor.value(storable(fields))
    fields["title"] = fields["title"][:MAX_TITLE_CHARACTERS]
    permission = Permission(
        run=run,
        attempt=run.attempt,
        options=redactor.value(storable(options)),
        expires_at=timezone.now() + timedelta(minutes=read("runs.permission_timeout_minutes")),
        **fields,
    )
    earlier = _remembered(permission)
    if earlier is not None:
        return _answer_again(permission, earlier, lease)
    if (reason := leave or _listed(permission)) and (option_id := _once(permission)):
        return _allow(permission, option_id, reason, lease)
    permission.save()
    data = {"permissionId": permission.pk, "kind": permission.kind, "options": permission.options}
    append(run, [Draft("permission_requested", permission.title, "notice", data=data)], lease=lease)
    return permission


def _remembered(question: Permission) -> Permission | None:
    """The latest answer to the same question of this attempt that still holds, and that is offered now."""
    asked = question.run.permissions.filter(attempt=question.attempt, kind=question.kind, command=question.command)
    for earlier in asked.filter(status__in=[Status.ALLOWED, Status.REJECTED]).order_by("-id")[:MEMORY]:
        if _holds_for(earlier, question) and _same_answer(question, earlier) is not None:
            return earlier
    return None


def _holds_for(earlier: Permission, question: Permission) -> bool:
    """Whether an answer covers this question: "always" the same thing, "once" the very same question, if unheard."""
    if _subject(earlier) != _subject(question):
        return False
    is_always = option_kind(earlier, earlier.option_id).endswith("_always")
    return is_always or (earlier.delivered_at is None and earlier.title == question.title)


def _subject(permission: Permission) -> Any:
    """What is asked about: the command and its folder, else the paths, else the question itself."""
    if permission.command is not None:
        return permission.cwd
    return permission.paths or permission.title


def _same_answer(question: Permission, earlier: Permission) -> str | None:
    """The id of the option that says the same: of the same kind, else "once" for "always"."""
    kind = option_kind(earlier, earlier.option_id)
    offered = {option["kind"]: option["optionId"] for option in reversed(question.options)}
    return offered.get(kind) or offered.get(kind.replace("_always", "_once"))


def option_kind(permission: Permission, option_id: str) -> str:
    """`allow_once`, `allow_always`, `reject_once` or `reject_always` of an option that was offered."""
    return next((str(option["kind"]) for option in permission.options if option["optionId"] == option_id), "")


def _listed(question: Permission) -> str:
    """The entry of the operator's list that it falls under; empty where somebody must be asked."""
    if question.kind != "execute" or question.command is None:
        return ""
    entry = covering(read("safety.command_allowlist"), question.command)
    return f"On safety.command_allowlist: {entry}" if entry else ""


def _once(question: Permission) -> str | None:
    return next((str(each["optionId"]) for each in question.options if each["kind"] == "allow_once"), None)


def _allow(permission: Permission, option_id: str, reason: str, lease: Lease) -> Permission:
    permission.status, permission.option_id, permission.reason = Status.ALLOWED, option_id, reason
    permission.save()
    text = f"{permission.title}: {permission.status} without asking"
    append(permission.run, [Draft("permission_resolved", text, "notice", data=_resolution(permission))], lease=lease)
    return permission


def _answer_again(permission: Permission, earlier: Permission, lease: Lease) -> Permission:
    permission.status, permission.decided_by = earlier.status, earlier.decided_by
    permission.option_id = _same_answer(permission, earlier) or ""
    permission.reason = f"As answered before, to question {earlier.pk}."
    permission.save()
    mark_delivered(earlier)
    text = f"{permission.title}: {permission.status}, as answered before"
    data = {**_resolution(permission), "rememberedFrom": earlier.pk}
    append(permission.run, [Draft("permission_resolved", text, data=data)], lease=lease)
    return permission


def mark_delivered(permission: Permission) -> None:
    """The agent is about to hear the answer. "Once" is used up by that."""
    Permission.objects.filter(pk=permission.pk, delivered_at=None).update(delivered_at=timezone.now())


def decide_permission(permission: Permission, option_id: str, *, actor: User) -> bool:
    """Answers with one of the options; whether that was the first answer. Another one's: 409 `permission-resolved`."""
    require_writable(permission.run.project)
    is_allowed = option_kind(permission, option_id).startswith("allow")
    status = Status.ALLOWED if is_allowed else Status.REJECTED
    if _resolve(permission, status, option_id, decided_by=actor):
        return True
    permission.refresh_from_db()
    if permission.option_id != option_id:
        members = {**conflict_members(permission.run), "permission_status": permission.status}
        raise PermissionResolved(f"It is {permission.status} already.", **members)
    return False


def expire_permissions(run: Run) -> None:
    """Closes what is still open: the run is over, or the process that asked. Open questions count as rejected."""
    for permission in run.permissions.filter(status=Status.PENDING):
        _resolve(permission, Status.EXPIRED, "", reason="The agent that asked has ended.")


@transaction.atomic
def expire_overdue(permission: Permission) -> None:
    """Closes a question that nobody has answered in time. While its run is paused, time stands still for it."""
    run = Run.objects.select_for_update().get(pk=permission.run_id)
    permission.refresh_from_db()
    if run.status != Run.Status.PAUSED and timezone.now() >= permission.expires_at:
        _resolve(permission, Status.EXPIRED, "", reason="Nobody answered in time: rejected.")


@transaction.atomic
def _resolve(
    permission: Permission, status: str, option_id: str, *, decided_by: User | None = None, reason: str = ""
) -> bool:
    rows = Permission.objects.filter(pk=permission.pk, status=Status.PENDING)
    if not rows.update(status=status, option_id=option_id, decided_by=decided_by, reason=reason):
        return False
    permission.refresh_from_db()
    text = f"{permission.title}: {status}" + (f". {reason}" if reason else "")
    append(permission.run, [Draft("permission_resolved", text, data=_resolution(permission))])
    return True


def _resolution(permission: Permission) -> dict[str, Any]:
    who = {"decidedBy": permission.decided_by_id, "reason": permission.reason}
    return {"permissionId": permission.pk, "status": permission.status, **who}
