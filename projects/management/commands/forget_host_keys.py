"""`bin/manage forget_host_keys`: where a remote has a new SSH host key, and somebody has made sure that it is right."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from projects.models import Project
from projects.services.host_keys import forget_host_keys


class Command(BaseCommand):
    help = (
        "Forgets the SSH host keys that a project's remote has been seen with, and prints them. The next clone, pull "
        "or push pins the key that the host has then: ask the host's operator first whether its key was changed. "
        "Exit status 1: no such project."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", type=int, help="the project's number")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(pk=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']}.")
        forgotten = forget_host_keys(project, actor=None)
        if options["json"]:
            self.stdout.write(json.dumps({"forgotten": [asdict(key) for key in forgotten]}))
            return
        for key in forgotten:
            self.stdout.write(f"{key.host} {key.kind} {key.fingerprint}")
        self.stdout.write(f"forgotten: {len(forgotten)}")
