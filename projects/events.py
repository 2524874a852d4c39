"""Tells the user stream of changes of a project. The event log lives in a higher app: a setting names its function."""

from django.conf import settings
from django.utils.module_loading import import_string

from projects.models import Project


def tell_of(project_id: int) -> None:
    """Writes `project_updated` with the project as it is now. Call it last in the transaction of the change."""
    import_string(settings.PROJECT_EVENTS)(Project.objects.get(pk=project_id))
