"""`bin/manage check_providers`: which agents this server can run, and what is missing for the others."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from settings_params.availability import ProviderState, provider_states
from settings_params.services.providers import LONG_SECONDS, probe_providers


class Command(BaseCommand):
    help = (
        "Looks for the programs of all agents, asks each for its version (up to a minute), and says what is missing. "
        "Exit status 1: an agent that is enabled is not available."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON: key, enabled, available, version, missing")

    def handle(self, *args: Any, **options: Any) -> None:
        probe_providers(timeout_seconds=LONG_SECONDS, again=True)
        states = provider_states()
        if options["json"]:
            self.stdout.write(json.dumps([_row(state) for state in states]))
        else:
            for state in states:
                self.stdout.write(_text(state))
        if broken := [state.provider.key for state in states if state.enabled and not state.available]:
            raise CommandError(f"Enabled, but not available: {', '.join(broken)}.")


def _text(state: ProviderState) -> str:
    words = [state.provider.key, state.version or "", "enabled" if state.enabled else "disabled"]
    first = " ".join([*filter(None, words), "available" if state.available else "not available"])
    return "\n  ".join([first, *state.missing])


def _row(state: ProviderState) -> dict[str, Any]:
    return {
        "key": state.provider.key,
        "enabled": state.enabled,
        "available": state.available,
        "version": state.version,
        "missing": list(state.missing),
    }
