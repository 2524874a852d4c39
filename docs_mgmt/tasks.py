"""The background work of managed documents. Delivered twice, the second one finds nothing to claim."""

from django_tasks import task


@task(queue_name="index")  # where reading code holds up no clone and no pull
def regenerate_docs(project_id: int) -> None:
    """Generates a project's documents, or goes on where a worker died."""
    from docs_mgmt.services import regenerating  # the services enqueue this task

    regenerating.regenerate(project_id)
