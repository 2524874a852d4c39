"""`bin/manage rotate_keys`: a new encryption key, and every stored secret under it."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from settings_params import encryption_keys
from settings_params.encryption_keys import KeysUnusable
from settings_params.rotation import Rotation, rotate_keys

_IN_ENVIRONMENT = f"The keys are in {encryption_keys.VARIABLE}: "


class Command(BaseCommand):
    help = (
        "Adds a new encryption key and puts every stored secret under it. Old keys stay until --drop-old: keep them as "
        "long as you keep backups from before. It may be interrupted and repeated; the server need not be stopped. "
        f"Keys in {encryption_keys.VARIABLE} are yours to add (first) and to remove; secrets are still re-encrypted. "
        "Exit status 1: some secret could not be read, and no key was dropped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--drop-old", action="store_true", help="forget all keys but the newest")
        parser.add_argument("--json", action="store_true", help="print {reencrypted, unreadable, keys}")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = rotate_keys(add=not encryption_keys.are_in_environment(), drop_old=options["drop_old"])
        except KeysUnusable as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(asdict(done)) if options["json"] else _told(done))
        if done.unreadable:
            raise CommandError(
                f"{done.unreadable} secrets cannot be read with these keys and were left as they are. "
                "Put back the keys of the backup that belongs to this database, or set those secrets anew."
            )


def _told(done: Rotation) -> str:
    text = f"{done.reencrypted} secrets are under a new key; {done.keys} keys are kept."
    if encryption_keys.are_in_environment():
        text += f" {_IN_ENVIRONMENT}put a new one first yourself, and take old ones out after this."
    return text
