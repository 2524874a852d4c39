"""The background work of projects. Tasks take ids and may be delivered twice: a second one finds nothing to claim."""

from django_tasks import task


@task()
def clone_project(project_id: int) -> None:
    """Clones a pending project, or goes on where a worker died."""
    from projects.services import cloning  # the services enqueue this task

    cloning.clone_project(project_id)


@task()
def pull_project(project_id: int) -> None:
    """Pulls a project that waits for it, or goes on where a worker died."""
    from projects.services import pulling  # the services enqueue this task

    pulling.pull_project(project_id)


@task(queue_name="index")
def index_project(project_id: int) -> None:
    """Indexes a project's code where that waits to be done, or goes on where a worker died."""
    from projects.services import indexing  # the services enqueue this task

    indexing.index_project(project_id)
