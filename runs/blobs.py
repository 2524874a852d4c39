"""Signed addresses of kept outputs and attachments: of one blob, for one user, good for ten minutes without a token."""

from dataclasses import dataclass

from django.core import signing
from django.core.exceptions import SuspiciousFileOperation
from django.db.models.fields.files import FieldFile

from accounts.models import User
from runs.models import Attachment, CommandExecution, Run

MAX_AGE_SECONDS = 600
_SALT = "runs.blobs"
_ATTACHMENT = "attachment"


class SignatureInvalid(Exception):
    """Forged, expired, or of somebody who may not see the run any more."""


class OutputMissing(Exception):
    """The signature is good, but the output is not kept, or not any more."""


@dataclass(frozen=True)
class Blob:
    """What its user may read. It never changes: key and size tell it from every other."""

    file: FieldFile
    key: str
    name: str
    media_type: str
    size_bytes: int


def sign(user: User, command: CommandExecution, stream: str) -> str:
    """The last part of the output's address."""
    return signing.dumps([user.pk, command.pk, stream], salt=_SALT)


def sign_attachment(user: User, attachment: Attachment) -> str:
    """The same of an attachment."""
    return signing.dumps([user.pk, attachment.pk, _ATTACHMENT], salt=_SALT)


def find_blob(signature: str) -> Blob:
    """What is behind a signature; the user's access is checked anew. SignatureInvalid, OutputMissing."""
    try:
        user_id, pk, kind = signing.loads(signature, salt=_SALT, max_age=MAX_AGE_SECONDS)
    except signing.BadSignature as error:
        raise SignatureInvalid from error
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise SignatureInvalid
    return _attachment(user, pk) if kind == _ATTACHMENT else _output(user, pk, kind)


def _output(user: User, pk: int, stream: str) -> Blob:
    command = CommandExecution.objects.filter(pk=pk).first()
    if command is None or not Run.objects.visible_to(user).filter(pk=command.run_id).exists():
        raise SignatureInvalid
    name = f"{command.pk}.{stream}.txt"
    return _open(getattr(command, stream), name, name, "text/plain; charset=utf-8")


def _attachment(user: User, pk: int) -> Blob:
    found = Attachment.objects.visible_to(user).filter(pk=pk).first()
    if found is None:
        raise SignatureInvalid
    media_type = "text/plain; charset=utf-8" if found.media_type == "text/plain" else found.media_type
    return _open(found.file, found.sha256, found.name, media_type)


def _open(file: FieldFile, key: str, name: str, media_type: str) -> Blob:
    try:
        return Blob(file, key, name, media_type, file.size)
    except (ValueError, FileNotFoundError, SuspiciousFileOperation) as error:  # no name; no file; a name that leads out
        raise OutputMissing from error
