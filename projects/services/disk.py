"""The disk that a project uses: measured in the background, held against the quota where more would be asked for."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import models, transaction
from django.utils import timezone

from config.api.params import read
from projects.disk_use import used_bytes
from projects.errors import DiskQuotaExceeded
from projects.models import Project

GIBIBYTE = 1024**3
UPKEEP_EVERY = timedelta(hours=1)
SOON = timedelta(minutes=1)


@dataclass(frozen=True)
class Removal:
    """One thing whose time was over. `kept_for` says why it is there all the same; `rescue_ref` what keeps its work.

    `count` is of what there are many in it: snapshots, objects, events. `ignored_files` are kept by nobody.
    """

    what: str
    name: str
    project_id: int
    freed_bytes: int = 0
    rescue_ref: str | None = None
    kept_for: str | None = None
    count: int = 1
    ignored_files: int = 0


def quota_bytes() -> int | None:
    """What a project may use; None: there is no quota."""
    return int(read("retention.disk_quota_gb") * GIBIBYTE) or None


def require_room(project: Project) -> None:
    """409 `disk-quota-exceeded` where the project used more than its quota when it was measured last."""
    quota, used = quota_bytes(), project.disk_bytes
    if quota is None or used is None or used <= quota:
        return
    raise DiskQuotaExceeded(
        f"The project uses {used / GIBIBYTE:.1f} GiB of disk, {quota / GIBIBYTE:.1f} GiB are allowed. An operator "
        "makes room with `bin/manage prune`, or raises the param retention.disk_quota_gb.",
        used_bytes=used,
        quota_bytes=quota,
        **project.error_members,
    )


def measure(project: Project) -> int:
    """Walks the project's folder, adds outputs and attachments of its runs, wherever they are, and writes the sum down.

    For the background only.
    """
    used = used_bytes([project.folder]) + _kept_outputs_bytes(project)
    Project.objects.filter(pk=project.pk).update(disk_bytes=used, disk_measured_at=timezone.now())
    return used


def _kept_outputs_bytes(project: Project) -> int:
    kept = project.runs.aggregate(
        stdout=models.Sum("commands__stdout_kept_bytes", filter=~models.Q(commands__stdout="")),
        stderr=models.Sum("commands__stderr_kept_bytes", filter=~models.Q(commands__stderr="")),
    )
    attached = project.runs.aggregate(size=models.Sum("attachments__size_bytes"))["size"] or 0
    return (kept["stdout"] or 0) + (kept["stderr"] or 0) + attached


def expect_upkeep(project_id: int) -> None:
    """The project has just changed on disk: it is measured within the next minutes."""
    soon = timezone.now() + SOON
    Project.objects.filter(pk=project_id, upkeep_due_at__gt=soon).update(upkeep_due_at=soon)


@transaction.atomic
def take_due_upkeep() -> list[int]:
    """Projects whose upkeep is due and not taken by another worker; the next one of each is due an hour later."""
    now = timezone.now()
    due = Project.objects.filter(upkeep_due_at__lte=now).order_by("upkeep_due_at").values_list("pk", flat=True)[:20]
    rows = Project.objects.filter(models.Q(upkeep_due_at__lte=now))
    return [pk for pk in due if rows.filter(pk=pk).update(upkeep_due_at=now + UPKEEP_EVERY)]
