"""`bin/manage check_agent NAME`: proves an installed agent end to end, with a scripted model in place of a real one."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from settings_params.providers import AGENT_KEYS, PROVIDERS

CURE = "Install the version that this server knows, or look into what it said."


class Command(BaseCommand):
    help = (
        "Starts an agent in its sandbox in a temporary project, with a scripted model on loopback, and sees whether it "
        "writes, runs commands, tells their output and exit code, asks in safe mode, heeds a refusal and a cancel. "
        "No key is needed, nothing is charged. Exit status 1: it did not pass."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("agent", choices=AGENT_KEYS, metavar="NAME", help=f"one of: {', '.join(AGENT_KEYS)}")
        parser.add_argument("--json", action="store_true", help="JSON at the end instead of a line for each step")

    def handle(self, *args: Any, agent: str, **options: Any) -> None:
        told = (lambda _: None) if options["json"] else self._tell
        findings = import_string(settings.AGENT_CHECK)(agent, told)
        if options["json"]:
            steps = [found.as_json() for found in findings.found]
            self.stdout.write(json.dumps({"agent": agent, "passed": not findings.failure, "steps": steps}))
        if findings.failure:
            raise CommandError(f"{PROVIDERS[agent].name} did not pass. {findings.failure} {CURE}")

    def _tell(self, finding: Any) -> None:
        seconds = "" if finding.outcome == "not tried" else f"{finding.seconds:7.2f} s"
        self.stdout.write(f"{finding.step:<16} {finding.outcome:<10}{seconds:>9}  {finding.remark}".rstrip())
        self.stdout.flush()
