"""Attachments: kept when they are uploaded, taken by one prompt or message, let go after a day without use."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from config.api.problems import ValidationFailed
from runs.attached_bytes import media_type_of, safe_name
from runs.errors import AttachmentInUse, AttachmentsFull
from runs.models import Attachment, Run, RunMessage

MOST_UNUSED = 50
UNUSED_FOR = timedelta(days=1)
_AT_ONCE = 500


def keep_attachment(name: str, data: bytes, *, actor: User) -> Attachment:
    """The row first, so that a file whose writer was killed is found. 409 `attachments-full`."""
    attachment = _new(name, data, actor)
    default_storage.save(attachment.file.name, ContentFile(data))
    Attachment.objects.filter(pk=attachment.pk).update(is_kept=True)
    attachment.is_kept = True
    return attachment


@transaction.atomic
def _new(name: str, data: bytes, actor: User) -> Attachment:
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # else two at once would both be the last one
    if Attachment.objects.filter(run=None, created_by=actor).count() >= MOST_UNUSED:
        raise AttachmentsFull(f"{MOST_UNUSED} of yours are not used yet: use or delete one first.")
    return Attachment.objects.create(
        name=safe_name(name),
        media_type=media_type_of(data),
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        file=f"attachments/{uuid4().hex}",
        created_by=actor,
    )


def delete_attachment(attachment: Attachment) -> None:
    """Of those that are not used; 409 `attachment-in-use` for others."""
    if not Attachment.objects.filter(pk=attachment.pk, run=None).update(is_kept=False):
        raise AttachmentInUse("It belongs to a run's prompt or message.")
    _forget(attachment)


def take(ids: Sequence[int], run: Run, message: RunMessage | None, *, actor: User) -> list[dict[str, Any]]:
    """The run's prompt, or a message, has these from now on, in the caller's transaction; what is shown of them.

    What it had besides is not used any more. 422 where one is not there, somebody else's, or used otherwise.
    """
    former = Attachment.objects.filter(run=run, message=message)
    former.exclude(pk__in=ids).update(run=None)
    mine = Attachment.objects.unused_of(actor) | former
    found = {each.pk: each for each in mine.filter(pk__in=ids).select_for_update(no_key=True)}
    missing = [place for place, pk in enumerate(ids) if pk not in found]
    if missing:
        detail = "You have no such attachment that is not used yet."
        fault = {"code": "does-not-exist", "detail": detail}
        raise ValidationFailed(errors=[{"pointer": f"/attachmentIds/{place}", **fault} for place in missing])
    Attachment.objects.filter(pk__in=found).update(run=run, message=message)
    return [found[pk].facts for pk in ids]


def prune_unused() -> int:
    """Deletes those that nobody has used for a day, and what is left of those that were cut short. How many."""
    old = Attachment.objects.filter(run=None, created_at__lt=timezone.now() - UNUSED_FOR).order_by("pk")
    return sum(1 for _ in map(_forget, _let_go(list(old[:_AT_ONCE]))))


def _let_go(old: list[Attachment]) -> Iterator[Attachment]:
    """From here on nobody can use it, unless somebody has just done so."""
    for attachment in old:
        if Attachment.objects.filter(pk=attachment.pk, run=None).update(is_kept=False):
            yield attachment


def _forget(attachment: Attachment) -> None:
    with suppress(FileNotFoundError):
        default_storage.delete(str(attachment.file.name))
    Attachment.objects.filter(pk=attachment.pk).delete()
