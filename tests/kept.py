"""What a test before has made of the sample: a project's rows and its folder, put back as they were.

A clone and a run are what tests make most often and all alike; putting one back takes a tenth of the time. What is made
is kept only where everything about it is the same: the commits, the params, and that nobody else has rows. A test
process keeps its own, since ids and the paths of its home are part of them.
"""

import copy
import os
import subprocess
import tempfile
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from accounts.models import User
from projects.models import Project

APPS = ("projects", "runs", "snapshots", "docs_mgmt", "django_tasks_database")
"""Whose rows are kept: of a project, not of people."""


@dataclass(frozen=True)
class World:
    """The rows by model, in the order of their keys, and a copy of the project's folder."""

    rows: dict[type[models.Model], list[models.Model]]
    folder: Path
    project: int
    kept_at: datetime


class Kept:
    """The worlds of a test process, by what they were made from."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._worlds: dict[Hashable, World] = {}

    def once(self, key: Hashable, make: Callable[[], Project], *, user: User, remote: Path) -> Project:
        """The project as `make` leaves it: made now, or put back as this person's and as a clone of this remote."""
        key = (key, commits(remote), params())
        if (world := self._worlds.get(key)) is not None:
            _put_back(world, user, remote)
            return Project.objects.get(pk=world.project)
        project = make()
        if User.objects.count() == 1:
            copied = self._folder / str(len(self._worlds))
            _copy(project.folder, copied)
            self._worlds[key] = World(_rows(), copied, project.pk, timezone.now())
        return project


def commits(repository: Path) -> frozenset[tuple[str, str]]:
    """The files that say which refs a bare repository has."""
    files = [repository / "packed-refs", *(repository / "refs").rglob("*")]
    return frozenset((str(file.relative_to(repository)), file.read_text()) for file in files if file.is_file())


def params() -> frozenset[tuple[str, str]]:
    """The params in the environment."""
    return frozenset(item for item in os.environ.items() if item[0].startswith("QUARTERDECK_PARAM_"))


def _rows() -> dict[type[models.Model], list[models.Model]]:
    found = {model: list(model._base_manager.order_by("pk")) for model in _models()}
    return {model: rows for model, rows in found.items() if rows}


def _models() -> list[type[models.Model]]:
    return [model for name in APPS for model in apps.get_app_config(name).get_models()]


def _put_back(world: World, user: User, remote: Path) -> None:
    passed = timezone.now() - world.kept_at

    def as_now(field: "models.Field[Any, Any]", value: Any) -> Any:
        if value is not None and field.related_model is User:
            return user.pk
        # What was still to come when it was kept is still to come.
        return value + passed if isinstance(value, datetime) and value > world.kept_at else value

    with transaction.atomic():  # foreign keys are looked at in the end
        for model, rows in world.rows.items():
            made = [copy.copy(row) for row in rows]
            for row in made:
                row._state = models.base.ModelState()
                for field in model._meta.concrete_fields:
                    setattr(row, field.attname, as_now(field, getattr(row, field.attname)))
                if isinstance(row, Project):
                    row.repository_url = str(remote)
            there = model._base_manager.filter(pk__in=[row.pk for row in rows])
            there._raw_delete(there.db)  # not public: no row of others goes with them
            model._base_manager.bulk_create(made)
    project = Project.objects.get(pk=world.project)
    if project.folder.exists():
        project.folder.rename(Path(tempfile.mkdtemp(dir=settings.HOME, prefix="past-")) / "project")
    _copy(world.folder, project.folder)


def _copy(folder: Path, to: Path) -> None:
    """With the owners of all files: an agent's are its own."""
    to.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--", folder, to], check=True)
