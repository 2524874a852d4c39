"""The life of a project: created, edited, cloned again, archived."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts.models import User
from accounts.services import audit
from config.api.params import read
from projects import tasks
from projects.errors import IndexNotUnderWay, ProjectNotReady
from projects.events import tell_of
from projects.index_models import ProjectIndex
from projects.models import Membership, Project, ProjectCredential
from projects.queries import fetched_head
from projects.services.credentials import NewCredential, store_credential
from projects.services.disk import require_room
from projects.services.index_queue import expect_index, queue_index, stop_index

Status = Project.Status


@transaction.atomic
def create_project(
    *, actor: User, name: str, repository_url: str, credential: NewCredential | None = None, **fields: Any
) -> Project:
    """A project owned by the actor; its clone is queued with it."""
    fields.setdefault("safe_mode", read("safety.safe_mode_default"))
    fields.setdefault("rag_enabled", read("rag.enabled_default"))
    project = Project.objects.create(
        name=name, slug=slugify(name)[:80] or "project", repository_url=repository_url, created_by=actor, **fields
    )
    Membership.objects.create(project=project, user=actor, role=Membership.Role.OWNER)
    audit(actor, "project_created", project_id=project.pk)
    if credential is not None:
        _store(project, credential, actor)
    tasks.clone_project.enqueue(project.pk)
    tell_of(project.pk)
    return project


@transaction.atomic
def edit_project(project: Project, *, actor: User, **fields: Any) -> None:
    """Changes name, description, default branch or defaults.

    Another default branch, where it has been fetched, moves the project's head to it at once; the next pull does the
    rest. While a clone or a pull is under way the branch stays.
    """
    lock_writable(project)
    if "default_branch" in fields:
        if project.status in (Status.CLONING, Status.PULLING):
            raise _conflict(project, "is just being fetched: its branch stays until that is done")
        if head := fetched_head(project, fields["default_branch"]):
            fields["head_commit"] = head
    Project.objects.filter(pk=project.pk).update(updated_at=timezone.now(), **fields)
    audit(actor, "project_edited", project_id=project.pk, fields=sorted(fields))
    if "head_commit" in fields:
        expect_index(project.pk)
    tell_of(project.pk)
    project.refresh_from_db()


@transaction.atomic
def set_credential(project: Project, given: NewCredential, *, actor: User) -> None:
    """Stores the login at the remote; a project in `error` is cloned again with it."""
    lock_writable(project)
    _store(project, given, actor)
    if project.status == Status.ERROR:
        _queue_clone(project, actor)


@transaction.atomic
def remove_credential(project: Project, *, actor: User) -> None:
    """Forgets the login at the remote. There is none: nothing happens."""
    lock_writable(project)
    deleted, _ = ProjectCredential.objects.filter(project=project).delete()
    if deleted:
        audit(actor, "credential_removed", project_id=project.pk)


def _store(project: Project, given: NewCredential, actor: User) -> None:
    store_credential(project, given)
    audit(actor, "credential_set", project_id=project.pk, kind=given.kind, fingerprint=given.fingerprint)


@transaction.atomic
def request_clone(project: Project, *, actor: User) -> None:
    """Queues a new clone, from `error` or `archived`. Run branches and snapshots stay."""
    _queue_clone(project, actor)
    project.refresh_from_db()


def _queue_clone(project: Project, actor: User) -> None:
    rows = Project.objects.filter(pk=project.pk, status__in=[Status.ERROR, Status.ARCHIVED])
    if rows.exists():
        require_room(project)
    if not rows.update(status=Status.PENDING, error=None, progress=None, updated_at=timezone.now()):
        raise _conflict(project, "is not in error or archived")
    audit(actor, "clone_requested", project_id=project.pk)
    tasks.clone_project.enqueue(project.pk)
    tell_of(project.pk)


@transaction.atomic
def request_pull(project: Project, *, actor: User) -> None:
    """Queues a pull of a project that is ready. One that is queued or under way already: nothing is added."""
    lock_writable(project)
    if project.status == Status.READY:
        values = {"status": Status.PULLING, "error": None, "progress": None, "updated_at": timezone.now()}
        Project.objects.filter(pk=project.pk).update(**values)
        audit(actor, "pull_requested", project_id=project.pk)
        tasks.pull_project.enqueue(project.pk)
        tell_of(project.pk)
    elif project.status != Status.PULLING:
        raise _conflict(project, "has no clone to pull into")
    project.refresh_from_db()


@transaction.atomic
def request_index(project: Project, *, actor: User) -> None:
    """Queues an index of all the code that is made from nothing. One that is queued already: nothing is added."""
    lock_writable(project)
    if not project.has_clone:
        raise _conflict(project, "has no clone to index")
    if queue_index(project.pk, ProjectIndex.Work.REBUILD):
        audit(actor, "index_requested", project_id=project.pk)
        tell_of(project.pk)
    project.refresh_from_db()


@transaction.atomic
def cancel_index(project: Project, *, actor: User) -> None:
    """Ends the making of an index, be it queued or under way; the one that serves stays, and says who did it."""
    lock_writable(project)
    name = actor.get_short_name()
    message = f"It was cancelled by {name}. The next pull makes one, or index again."
    if not stop_index(project.pk, {"code": "index-cancelled", "message": message}):
        project.refresh_from_db()
        raise IndexNotUnderWay(index_status=project.index["status"], **project.error_members)
    audit(actor, "index_cancelled", project_id=project.pk)
    tell_of(project.pk)
    project.refresh_from_db()


@transaction.atomic
def archive_project(project: Project, *, actor: User) -> None:
    """Soft deletion: the project becomes read-only. Its runs must be over."""
    idle = Project.objects.filter(pk=project.pk).exclude(status__in=[*Project.BUSY, Status.ARCHIVED])
    locked = idle.select_for_update(no_key=True).first()  # a stronger lock would stop who writes an event of a run
    if locked is None or locked.runs.active().exists():
        raise _conflict(project, "is busy, has runs that are not over, or is archived already")
    idle.update(status=Status.ARCHIVED, updated_at=timezone.now())
    audit(actor, "project_archived", project_id=project.pk)
    tell_of(project.pk)


def lock_writable(project: Project) -> None:
    """Takes the project's row until the transaction ends; 409 `project-not-ready` where it is archived."""
    project.status = Project.objects.select_for_update(no_key=True).values_list("status", flat=True).get(pk=project.pk)
    require_writable(project)


def require_writable(project: Project) -> None:
    """409 `project-not-ready` where the project is archived: it is only read then, and cloned again."""
    if project.status == Status.ARCHIVED:
        raise ProjectNotReady("The project is archived: clone it again to work on it.", **project.error_members)


def _conflict(project: Project, reason: str) -> ProjectNotReady:
    project.refresh_from_db()
    return ProjectNotReady(f"The project {reason}.", **project.error_members)
