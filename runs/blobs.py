"""Signed addresses of kept outputs: bound to one blob and one user, good for ten minutes, no token needed."""

from dataclasses import dataclass

from django.core import signing
from django.core.exceptions import SuspiciousFileOperation
from django.db.models.fields.files import FieldFile

from accounts.models import User
from runs.models import CommandExecution, Run

MAX_AGE_SECONDS = 600
_SALT = "runs.blobs"


class SignatureInvalid(Exception):
    """Forged, expired, or of somebody who may not see the run any more."""


class OutputMissing(Exception):
    """The signature is good, but the output is not kept, or not any more."""


@dataclass(frozen=True)
class Blob:
    """An output that its user may read. It never changes: name and size tell it from every other."""

    file: FieldFile
    name: str
    size_bytes: int


def sign(user: User, command: CommandExecution, stream: str) -> str:
    """The last part of the output's address."""
    return signing.dumps([user.pk, command.pk, stream], salt=_SALT)


def find_blob(signature: str) -> Blob:
    """The output behind a signature; the user's access is checked anew. SignatureInvalid, OutputMissing."""
    try:
        user_id, command_id, stream = signing.loads(signature, salt=_SALT, max_age=MAX_AGE_SECONDS)
    except signing.BadSignature as error:
        raise SignatureInvalid from error
    user = User.objects.filter(pk=user_id, is_active=True).first()
    command = CommandExecution.objects.filter(pk=command_id).first()
    if user is None or command is None or not Run.objects.visible_to(user).filter(pk=command.run_id).exists():
        raise SignatureInvalid
    return _open(getattr(command, stream), f"{command.pk}.{stream}.txt")


def _open(file: FieldFile, name: str) -> Blob:
    try:
        return Blob(file, name, file.size)
    except (ValueError, FileNotFoundError, SuspiciousFileOperation) as error:  # no name; no file; a name that leads out
        raise OutputMissing from error
