"""Forgets the SSH host keys of a project's remote. Operators do, never the API: it decides whom the server trusts."""

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from projects.git import host_keys
from projects.git.host_keys import HostKey
from projects.models import Project
from projects.workspaces import open_repository


@transaction.atomic
def forget_host_keys(project: Project, *, actor: User | None) -> tuple[HostKey, ...]:
    """The next clone, pull or push pins the key that the host has then. `actor` None: somebody on the server itself."""
    repository = open_repository(project)
    fingerprints = [key.fingerprint for key in host_keys.pinned_host_keys(repository)]
    audit(actor, "host_keys_forgotten", project_id=project.pk, fingerprints=fingerprints)
    return host_keys.forget_host_keys(repository)
