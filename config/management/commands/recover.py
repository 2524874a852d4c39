"""`bin/manage recover`: what the workers do by themselves every few seconds, done once now and told."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from djangorestframework_camel_case.util import camelize

from runs.services.counting import recount_runs
from runs.workers.recovery import recover_the_dead
from snapshots.services.restoring import finish_interrupted


class Command(BaseCommand):
    help = (
        "Looks once for dead workers and ownerless work, delivers it again, finishes restores that were cut short, "
        "counts every project's runs anew, and says what was found. "
        "Living work is left alone: it may be called at any time, while the server runs too."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object of counts")

    def handle(self, *args: Any, **options: Any) -> None:
        found = {
            **recover_the_dead(),
            "finished_restores": finish_interrupted(),
            "recounted_projects": recount_runs(),
        }
        if options["json"]:
            self.stdout.write(json.dumps(camelize(found)))
            return
        for name, count in found.items():
            self.stdout.write(f"{name.replace('_', ' ')}: {count}")
