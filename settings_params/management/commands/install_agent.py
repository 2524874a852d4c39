"""`bin/manage install_agent`: installs an agent for this server, lists what is installed, removes it."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from settings_params.availability import provider_state
from settings_params.installations import all_installed
from settings_params.installers import InstallFailed
from settings_params.programs import agents_folder, find_installation
from settings_params.providers import PROVIDERS, Provider
from settings_params.services.installing import install_agent, package_of, remove_agent


class Command(BaseCommand):
    help = (
        "Installs an agent below the server's data folder, at the version that was tried with this server, and enables "
        "it when nothing else is missing. Needs npm's or PyPI's registry; Node.js comes along where the machine's is "
        "missing or too old. A second time it does nothing. Exit status 1: it failed, and nothing has changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("agent", nargs="?", metavar="NAME", help="its key, as in check_providers: claude, codex, …")
        parser.add_argument("--version", dest="wanted", metavar="V", help="another version than the pinned one")
        parser.add_argument("--no-enable", action="store_true", help="install it only")
        parser.add_argument("--list", action="store_true", help="what can be installed, and what is (the default)")
        parser.add_argument("--remove", action="store_true", help="take it away: all versions, or the one of --version")
        parser.add_argument("--json", action="store_true", help="print JSON: key, pinned, inUse, installed, missing")

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # Django's own --version would take the name.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def handle(self, *args: Any, **options: Any) -> None:
        key: str | None = options["agent"]
        if key is None and (options["remove"] or options["wanted"]):
            raise CommandError("Name the agent: bin/manage install_agent NAME")
        if key is not None:
            self._change(key, options)
        providers = [each for each in PROVIDERS.values() if each.package and key in (None, each.key)]
        rows = [_row(provider) for provider in providers]
        if options["json"]:
            self.stdout.write(json.dumps(rows if key is None else rows[0]))
        else:
            for row in rows:
                self.stdout.write(_text(row))

    def _change(self, key: str, options: dict[str, Any]) -> None:
        try:
            package_of(key)
            if options["list"]:
                return
            if options["remove"]:
                gone = remove_agent(key, options["wanted"])
                self.stderr.write(f"Removed: {', '.join(gone)}." if gone else "It was not installed.")
            else:
                install_agent(key, options["wanted"], enable=not options["no_enable"], say=self.stderr.write)
        except InstallFailed as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"The data folder cannot be written ({error.strerror}): {error.filename}.") from None


def _row(provider: Provider) -> dict[str, Any]:
    in_use, state = find_installation(provider), provider_state(provider.key)
    return {
        "key": provider.key,
        "package": str(provider.package),
        "pinned": provider.package.version if provider.package else None,
        "inUse": in_use.version if in_use else None,
        "installed": [each.version for each in all_installed(agents_folder(), provider.key)],
        "enabled": state.enabled,
        "missing": list(state.missing),
    }


def _text(row: dict[str, Any]) -> str:
    others = [version for version in row["installed"] if version != row["inUse"]]
    words = [row["key"], row["inUse"] or "not installed", f"({row['package']} {row['pinned']})"]
    words += ["enabled"] if row["enabled"] else []
    words += [f"also there: {', '.join(others)}"] if others else []
    return "\n  ".join([" ".join(words), *(row["missing"] if row["inUse"] else [])])
