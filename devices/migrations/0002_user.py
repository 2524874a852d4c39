from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def name_users(apps: Any, schema_editor: Any) -> None:
    """Each device is of the person whose access token it goes with."""
    of_token = apps.get_model("accounts", "AccessToken").objects.filter(pk=OuterRef("access_token")).values("user")
    apps.get_model("devices", "Device").objects.update(user=Subquery(of_token))


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('devices', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='device',
            name='user',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='devices', to=settings.AUTH_USER_MODEL),
        ),
        migrations.RunPython(name_users, migrations.RunPython.noop, elidable=True),
    ]
