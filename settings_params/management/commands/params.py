"""`bin/manage params`: lists, sets and resets server params on the server itself."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from settings_params import queries, services
from settings_params.errors import ParamsInvalid
from settings_params.registry import PARAMS, ParamInvalid


class Command(BaseCommand):
    help = "Lists the server params, sets one (params set KEY VALUE) or resets one (params reset KEY)."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action")
        actions.add_parser("list", help="every param with its value and where that comes from (the default)")
        setting = actions.add_parser("set", help="set one: params set safety.auto_git_push true")
        setting.add_argument("key")
        setting.add_argument("value")
        actions.add_parser("reset", help="back to the environment's value or the default").add_argument("key")

    def handle(self, *args: Any, **options: Any) -> None:
        action, key = options["action"], options.get("key", "")
        if action in ("set", "reset"):
            if key not in PARAMS:
                raise CommandError(f"There is no server param {key!r}. See: bin/manage params")
            self._change(key, options.get("value"))
        for setting in queries.all_settings():
            if action in (None, "list") or setting.param.key == key:
                self.stdout.write(f"{setting.param.key} = {json.dumps(setting.value)}  ({setting.source})")

    def _change(self, key: str, text: str | None) -> None:
        try:
            value = None if text is None else PARAMS[key].parse(text)
            services.change_params({key: value}, actor=None, is_remote=False)
        except (ParamInvalid, ParamsInvalid) as error:
            raise CommandError(str(error)) from error
