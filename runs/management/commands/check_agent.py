"""`bin/manage check_agent NAME`: proves an installed agent end to end, with a scripted model in place of a real one."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from settings_params.availability import known_providers
from settings_params.providers import Provider

CURE = "Install the version that this server knows, or look into what it said."


def _provider(key: str) -> Provider:
    """An agent that this version can run, one of its operator's too."""
    able = {provider.key: provider for provider in known_providers().values() if provider.has_adapter}
    if key not in able:
        raise CommandError(f"There is no agent {key!r} to check. There are: {', '.join(able)}.")
    return able[key]


class Command(BaseCommand):
    help = (
        "Starts an agent in its sandbox in a temporary project, with a scripted model on loopback, and sees whether it "
        "writes, runs commands, tells their output and exit code, asks in safe mode, heeds a refusal and a cancel. "
        "No key is needed, nothing is charged. Exit status 1: it did not pass."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("agent", metavar="NAME", help="an agent's key, as check_providers lists them")
        parser.add_argument("--json", action="store_true", help="JSON at the end instead of a line for each step")

    def handle(self, *args: Any, agent: str, **options: Any) -> None:
        provider = _provider(agent)
        told = (lambda _: None) if options["json"] else self._tell
        findings = import_string(settings.AGENT_CHECK)(agent, told)
        if options["json"]:
            steps = [found.as_json() for found in findings.found]
            self.stdout.write(json.dumps({"agent": agent, "passed": not findings.failure, "steps": steps}))
        if findings.failure:
            raise CommandError(f"{provider.name} did not pass. {findings.failure} {CURE}")

    def _tell(self, finding: Any) -> None:
        seconds = "" if finding.outcome == "not tried" else f"{finding.seconds:7.2f} s"
        self.stdout.write(f"{finding.step:<16} {finding.outcome:<10}{seconds:>9}  {finding.remark}".rstrip())
        self.stdout.flush()
