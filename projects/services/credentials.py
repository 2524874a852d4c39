"""How a project's login at its remote is stored: the secret encrypted in the transaction that stores it."""

from dataclasses import dataclass, field

from django.utils import timezone

from projects.models import Project, ProjectCredential
from settings_params.secrets import encrypt


@dataclass(frozen=True)
class NewCredential:
    """What an owner gives. `secret` None keeps the one that is stored."""

    kind: str
    username: str
    fingerprint: str
    secret: str | None = field(repr=False)


def store_credential(project: Project, given: NewCredential) -> None:
    """Writes the row, in the caller's transaction."""
    values = {"kind": given.kind, "username": given.username, "fingerprint": given.fingerprint}
    if given.secret is not None:
        values["secret"] = encrypt(given.secret)
    ProjectCredential.objects.update_or_create(project=project, defaults={**values, "updated_at": timezone.now()})
