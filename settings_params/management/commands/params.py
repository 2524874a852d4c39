"""`bin/manage params`: lists, sets and resets server params on the server itself."""

import getpass
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from settings_params import queries
from settings_params.errors import ParamsInvalid
from settings_params.params import ParamInvalid
from settings_params.queries import Setting
from settings_params.registry import PARAMS
from settings_params.services.params import change_params

_AS_JSON: dict[str, Any] = {"action": "store_true", "help": "print JSON: key, value (null for a secret), source, isSet"}


class Command(BaseCommand):
    help = (
        "Lists the server params, sets one (params set KEY VALUE) or resets one (params reset KEY). A secret is never "
        "an argument: params set KEY asks for it or reads a line of standard input; a file's content is read whole: "
        "params set providers.claude.login < FILE. Exit status 1: nothing has changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", **_AS_JSON)
        actions = parser.add_subparsers(dest="action")
        listing = actions.add_parser("list", help="every param with its value and where that comes from (the default)")
        setting = actions.add_parser("set", help="set one: params set safety.auto_git_push true")
        setting.add_argument("key")
        setting.add_argument("value", nargs="?", help="true or false, a number, text, or a JSON list; no secret")
        resetting = actions.add_parser("reset", help="back to the environment's value or the default")
        resetting.add_argument("key")
        for action in (listing, setting, resetting):
            action.add_argument("--json", dest="json_after", **_AS_JSON)

    def handle(self, *args: Any, **options: Any) -> None:
        action, key = options["action"], options.get("key", "")
        cleared: list[str] = []
        if action in ("set", "reset"):
            if key not in PARAMS:
                raise CommandError(f"There is no server param {key!r}. See: bin/manage params")
            cleared = _change(key, _given(key, options["value"]) if action == "set" else None)
        shown = [queries.setting_of(key)] if key else queries.all_settings()
        if options["json"] or options.get("json_after"):
            rows = [_row(setting) for setting in shown]
            self.stdout.write(json.dumps(rows[0] if key else rows))
            return
        for setting in shown:
            self.stdout.write(_line(setting))
        for secret in cleared:
            self.stderr.write(f"{secret} was cleared: the address that it is sent to has changed. Set it again.")


def _given(key: str, argument: str | None) -> str:
    """The text to set: a secret's from the terminal or standard input, any other from the argument."""
    if not PARAMS[key].is_secret:
        if argument is None:
            raise CommandError(f"Give the value: bin/manage params set {key} VALUE")
        return argument
    if argument is not None:
        raise CommandError(
            f"{key} is a secret, and arguments can be seen by others: leave it out. It is asked for, or read from "
            "standard input. Take the one that you just typed as known, and replace it."
        )
    if sys.stdin.isatty():
        return getpass.getpass(f"{key}: ")
    return sys.stdin.read() if PARAMS[key].is_file else sys.stdin.readline().rstrip("\r\n")


def _change(key: str, text: str | None) -> list[str]:
    try:
        value = None if text is None else PARAMS[key].parse(text)
        return change_params({key: value}, actor=None, is_remote=False)
    except (ParamInvalid, ParamsInvalid) as error:
        raise CommandError(str(error)) from None


def _line(setting: Setting) -> str:
    shown = ("set" if setting.is_set else "not set") if setting.param.is_secret else json.dumps(setting.value)
    return f"{setting.param.key} = {shown}  ({setting.source})"


def _row(setting: Setting) -> dict[str, Any]:
    return {
        "key": setting.param.key,
        "value": setting.value,
        "source": setting.source,
        "isSecret": setting.param.is_secret,
        "isSet": setting.is_set,
    }
