"""Queues the generating of a project's documents. It knows nothing of how that is done, and loads none of it."""

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import audit
from docs_mgmt import tasks
from docs_mgmt.models import DocsState
from projects.errors import ProjectNotReady
from projects.events import tell_of
from projects.models import Project
from projects.services.lifecycle import lock_writable


@transaction.atomic
def request_docs(project: Project, *, actor: User) -> None:
    """Queues the documents; where they are queued or being generated already, nothing is added."""
    lock_writable(project)
    if not project.has_clone:
        raise ProjectNotReady("The project has no clone to read.", **project.error_members)
    DocsState.objects.get_or_create(project=project)
    if queue(project.pk):
        audit(actor, "docs_requested", project_id=project.pk)
    project.refresh_from_db()


def queue(project_id: int) -> bool:
    """Whether this call has queued them."""
    idle = DocsState.objects.filter(pk=project_id).exclude(status__in=DocsState.UNDER_WAY)
    if not idle.update(status=DocsState.Status.QUEUED, error=None, queued_at=timezone.now()):
        return False
    tasks.regenerate_docs.enqueue(project_id)
    tell_of(project_id)
    return True
