"""The background work of runs. Tasks take ids and may be delivered twice: a second one finds nothing to claim."""

from django.conf import settings
from django.utils.module_loading import import_string
from django_tasks import task


@task(queue_name="runs")
def execute_run(run_id: int) -> None:
    """Hands a queued run to the executor that the setting `RUN_EXECUTOR` names. No longer queued: nothing happens."""
    import_string(settings.RUN_EXECUTOR)(run_id)


@task()
def push_run(attempt_id: int) -> None:
    """Pushes an attempt's branch. Pushing the same commit again changes nothing."""
    from runs.services import publishing  # the services enqueue this task

    publishing.carry_out_push(attempt_id)
