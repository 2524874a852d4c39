"""`bin/manage doctor`: is everything there that a server needs?"""

import json
import sys
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandParser

from config.doctor import examine, is_well

_SIGNS = {"ok": "ok     ", "warning": "WARNING", "failed": "FAILED "}


class Command(BaseCommand):
    help = (
        "Looks at interpreter, git, sandbox, disk, keys, database, clock and workers, and names a cure for each thing "
        "that is wrong. Changes nothing. Exit status: 0 when nothing failed (warnings are fine), 1 otherwise."
    )
    requires_system_checks: ClassVar[list[str]] = []  # type: ignore[misc] # it is for servers that do not start

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="a JSON list of {name, state, found, cure}")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = list(examine())
        if options["json"]:
            self.stdout.write(json.dumps([finding.as_json() for finding in findings]))
        else:
            for finding in findings:
                self.stdout.write(f"{_SIGNS[finding.state]}  {finding.name:<12} {finding.found}")
                if finding.cure:
                    self.stdout.write(f"{'':23}{finding.cure}")
        if not is_well(findings):
            sys.exit(1)
