from typing import Any

from django.db import migrations
from django.db.models import F


def mark_heard(apps: Any, schema_editor: Any) -> None:
    """Answers given before it was noted whether an agent has heard them are not given to another one."""
    answered = apps.get_model("runs", "Permission").objects.exclude(status="pending")
    answered.filter(delivered_at=None).update(delivered_at=F("requested_at"))


class Migration(migrations.Migration):
    dependencies = [("runs", "0003_project_events")]

    operations = [migrations.RunPython(mark_heard, migrations.RunPython.noop)]
