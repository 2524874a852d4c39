from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def rewrite_summaries(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Summaries of runs that are over get the present form: what rules would have said of them is not known."""
    attempts = apps.get_model("runs", "RunAttempt").objects.filter(summary__isnull=False)
    for attempt in attempts.only("pk", "summary").iterator(chunk_size=100):
        attempt.summary = rewritten(attempt.summary or {})
        attempt.save(update_fields=["summary"])


def rewritten(summary: dict[str, Any]) -> dict[str, Any]:
    """The present form of a summary as it was stored before."""
    files = [{"oldPath": None, "kind": "source", "binary": False, **file} for file in summary.get("changedFiles", [])]
    stats = {"files": len(files)}
    stats |= {name: sum(file[name] for file in files) for name in ("additions", "deletions")}
    risks = [
        {"rule": _rule(text), "severity": "low", "message": text, "paths": [], "files": 0}
        for text in summary.get("risks", [])
        if isinstance(text, str)
    ]
    kinds = [{"kind": "source", **stats}] if files else []
    return {**summary, "changedFiles": files, "stats": stats, "kinds": kinds, "risks": risks}


def _rule(text: str) -> str:
    return "unasked" if "safe mode" in text else "failed-commands"


class Migration(migrations.Migration):
    dependencies = [("runs", "0018_lost_sessions")]

    operations = [migrations.RunPython(rewrite_summaries, migrations.RunPython.noop)]
