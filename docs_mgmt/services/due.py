"""Which projects' documents are due: their index is ready and they are of another commit, or nobody is at them."""

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from docs_mgmt import tasks
from docs_mgmt.generators.managed import GENERATOR_VERSION
from docs_mgmt.models import DocsState
from docs_mgmt.services.queueing import queue
from projects import leases
from projects.index_models import ProjectIndex
from projects.leases import LEASE
from projects.models import Project

AT_ONCE = 20


def queue_due_docs() -> int:
    """Queues what is due; for how many projects. Looks once, and writes nothing where nothing is due.

    A failed try is not made again by itself before there is another commit or another version of the generators.
    """
    due = _due()
    for project_id, is_left in due:
        if is_left:
            _deliver_again(project_id)
        else:
            with transaction.atomic():
                DocsState.objects.get_or_create(project_id=project_id)
                queue(project_id)
    return len(due)


def _due() -> list[tuple[int, bool]]:
    """Ids of projects, and whether a worker has left their documents under way."""
    is_under_way = Q(docs_state__status__in=DocsState.UNDER_WAY)
    is_other = ~Q(docs_state__tried_commit=F("code_index__commit"))
    is_older = Q(docs_state__generator_version__lt=GENERATOR_VERSION)
    is_ready = Q(code_index__status=ProjectIndex.Status.READY)
    is_new = is_ready & ~is_under_way & (Q(docs_state=None) | is_other | is_older)
    is_held = Q(docs_state__lease_expires_at__gt=timezone.now())
    is_left = is_under_way & Q(docs_state__queued_at__lt=timezone.now() - 2 * LEASE) & ~is_held
    living = Project.objects.filter(status__in=[Project.Status.READY, Project.Status.PULLING])
    rows = living.filter(is_new | is_left).order_by("pk").values_list("pk", "docs_state__status")
    return [(pk, status in DocsState.UNDER_WAY) for pk, status in rows[:AT_ONCE]]


@transaction.atomic
def _deliver_again(project_id: int) -> None:
    """Nobody holds them and their task is long gone, or waits behind others: a second one finds nothing to claim."""
    waiting = DocsState.objects.under_way().filter(leases.free(), pk=project_id)
    if waiting.filter(queued_at__lt=timezone.now() - 2 * LEASE).update(queued_at=timezone.now()):
        tasks.regenerate_docs.enqueue(project_id)
