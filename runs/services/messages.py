"""Follow-ups for a run's agent. One that was accepted is in the table, and is read before the run may complete."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from projects.leases import Lease
from projects.services.disk import require_room
from projects.services.lifecycle import require_writable
from runs import tasks
from runs.errors import MessageNotWithdrawable, RunNotMessageable
from runs.events import Draft, append
from runs.models import Run, RunMessage
from runs.queries import conflict_members
from runs.services.attachments import take
from runs.services.lifecycle import hold_project, move, require_agent, require_clone, set_going
from runs.transitions import MOVES, TAKES_MESSAGES

Status = RunMessage.Status


@transaction.atomic
def send_message(run: Run, text: str, *, actor: User, attachment_ids: Sequence[int] = ()) -> RunMessage:
    """Queues a follow-up. A completed run is queued again: the same session goes on, on the same branch."""
    project = hold_project(run)
    require_writable(project)
    status = Run.objects.select_for_update().values_list("status", flat=True).get(pk=run.pk)
    run.refresh_from_db()
    if status not in TAKES_MESSAGES:
        raise RunNotMessageable(f"Run #{run.pk} is {status}.", **conflict_members(run))
    is_over = status in MOVES["message"].sources
    if is_over:
        require_clone(project, run)
        require_room(project)
        _require_work_tree(run)
        require_agent(run, "message")
    message = RunMessage.objects.create(run=run, attempt=run.attempt, text=text, created_by=actor)
    data: dict[str, Any] = {"messageId": message.pk, "userId": actor.pk}
    if attachment_ids:
        message.attached = take(attachment_ids, run, message, actor=actor)
        message.save(update_fields=["attached"])
        data["attachments"] = [{"id": each["id"], "name": each["name"]} for each in message.attached]
    append(run, [Draft("user_message", text, data=data)])
    if is_over:
        move(run, "message", message="Queued to read a message.", finished_at=None, **set_going())
        tasks.execute_run.enqueue(run.pk)
    return message


def _require_work_tree(run: Run) -> None:
    if run.attempts.filter(number=run.attempt, pruned_at__isnull=False).exists():
        detail = "Its work tree was removed after its time: restore its last snapshot first, or create a new run."
        raise RunNotMessageable(detail, **conflict_members(run))


def next_message(run: Run) -> RunMessage | None:
    """The message whose turn it is: one that was being read when its agent died comes first."""
    return run.messages.filter(status__in=RunMessage.OPEN).order_by("id").first()


@transaction.atomic
def withdraw_message(run: Run, message: RunMessage, *, actor: User) -> None:
    """Takes a message back that no agent has been given. The same again changes nothing."""
    require_writable(hold_project(run))
    Run.objects.select_for_update().get(pk=run.pk)  # as whoever completes the run, or gives the message to its agent
    waiting = RunMessage.objects.filter(pk=message.pk, status=Status.PENDING)
    if waiting.update(status=Status.WITHDRAWN):
        text = f"A message was withdrawn by {actor.get_short_name()}."
        append(run, [Draft("log", text, data={"messageId": message.pk, "messageStatus": Status.WITHDRAWN})])
        return
    message.refresh_from_db()
    if message.status != Status.WITHDRAWN:
        detail = "It was dropped with its run." if message.status == Status.DROPPED else "The agent has been given it."
        run.refresh_from_db()
        raise MessageNotWithdrawable(detail, message_status=message.status, **conflict_members(run))


def mark_given(message: RunMessage, lease: Lease) -> bool:
    """The agent is about to read it, and the log says so the first time. False where it was withdrawn meanwhile."""
    same = RunMessage.objects.filter(pk=message.pk)
    if same.filter(status=Status.PENDING).update(status=Status.GIVEN, delivered_at=timezone.now()):
        data = {"messageId": message.pk, "messageStatus": Status.GIVEN}
        append(message.run, [Draft("log", "The agent is given a message.", data=data)], lease=lease)
        return True
    return same.filter(status=Status.GIVEN).exists()


def mark_done(message: RunMessage) -> None:
    """The agent's turn with it has ended."""
    RunMessage.objects.filter(pk=message.pk, status__in=RunMessage.OPEN).update(status=Status.DONE)
