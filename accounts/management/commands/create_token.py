"""`bin/manage create_token`: a token for a person, made on the server itself."""

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts import abilities
from accounts.models import User
from accounts.services import audit, issue_token
from config.api.times import format_time

MAX_DAYS = 3650


class Command(BaseCommand):
    help = "Makes an access token for a person and prints it, this once. Exit status 1: no such person may sign in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="whose token it is")
        parser.add_argument(
            "--ability",
            action="append",
            choices=sorted(abilities.KNOWN),
            help=f"what it may do, may be given again (default: {' '.join(abilities.DEFAULT)}); * may do everything",
        )
        parser.add_argument("--name", default="command line", help="what it is called in the person's list of sessions")
        parser.add_argument("--days", type=int, default=90, help="how long it lives without being used (default: 90)")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of the bare token")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email__iexact=options["email"], is_active=True).first()
        if user is None:
            raise CommandError(f"Nobody with the address {options['email']!r} may sign in.")
        if not 1 <= options["days"] <= MAX_DAYS:
            raise CommandError(f"--days takes 1 to {MAX_DAYS}.")
        wanted = options["ability"] or list(abilities.DEFAULT)
        with transaction.atomic():
            lifetime = timedelta(days=options["days"])
            token, text = issue_token(user, wanted, name=options["name"], lifetime=lifetime)
            audit(None, "token_created", token_id=token.pk, user_id=user.pk, abilities=wanted)
        if options["json"]:
            answer = {"token": text, "abilities": wanted, "expiresAt": format_time(token.expires_at)}
            self.stdout.write(json.dumps(answer))
        else:
            self.stdout.write(text)
