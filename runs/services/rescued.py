"""Rescue refs as people look at them and drop them, once they have taken over what is in them or want none of it."""

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import audit
from config.api.problems import NotFound
from projects.git.rescue import RescueRef, rescue_refs
from projects.locks import LockNotFree, repository_lock
from projects.models import Project
from projects.workspaces import open_repository
from runs.errors import WorkspaceBusy
from runs.models import RunAttempt

LOCK_WAIT_SECONDS = 10.0


def rescue_refs_of(project: Project) -> list[RescueRef]:
    """Oldest first."""
    return rescue_refs(open_repository(project)) if project.repository_path.is_dir() else []


def drop_rescue_ref(project: Project, ref: str, *, actor: User | None) -> RescueRef:
    """Deletes it; a day later the objects that it alone had kept may go. The audit entry names the commit.

    404 where there is none, 409 `workspace-busy` while others hold the repository. Killed in between, it is dropped
    once more.
    """
    try:
        with repository_lock(project, wait_seconds=LOCK_WAIT_SECONDS):
            found = next((each for each in rescue_refs_of(project) if each.ref == ref), None)
            if found is None:
                raise NotFound(f"Project {project.pk} has no ref {ref}.")
            _record(project, found, actor)
            open_repository(project).delete_ref(ref, found.commit)
            return found
    except LockNotFree:
        busy = "Others are at work in the project's repository: try again."
        raise WorkspaceBusy(busy, **project.error_members) from None


@transaction.atomic
def _record(project: Project, dropped: RescueRef, actor: User | None) -> None:
    attempts = RunAttempt.objects.filter(run__project=project, rescue_ref=dropped.ref)
    attempts.update(rescue_ref="", rescue_dropped_at=timezone.now())
    audit(actor, "rescue_ref_dropped", project_id=project.pk, ref=dropped.ref, commit=dropped.commit)


def drop_rescue_refs_of(attempt: RunAttempt, *, actor: User) -> None:
    """All of one attempt's. 404 where it has none."""
    project, name = attempt.run.project, f"run-{attempt.run_id}-{attempt.number}"
    found = rescue_refs(open_repository(project), name) if project.repository_path.is_dir() else []
    if not found:
        raise NotFound(f"Attempt {attempt.number} of run {attempt.run_id} has no rescue ref.")
    for each in found:
        drop_rescue_ref(project, each.ref, actor=actor)
