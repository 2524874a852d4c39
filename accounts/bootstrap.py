"""The first operator of an empty database, from `DJANGO_SUPERUSER_EMAIL` and `DJANGO_SUPERUSER_PASSWORD`."""

import logging
import os

from accounts.models import User

logger = logging.getLogger(__name__)


def make_first_operator() -> None:
    """Makes the operator that the environment names, if there is nobody yet."""
    email, password = os.environ.get("DJANGO_SUPERUSER_EMAIL"), os.environ.get("DJANGO_SUPERUSER_PASSWORD")
    if email and password and not User.objects.exists():
        User.objects.create_superuser(email, password)
        logger.info("The first operator %s has been made.", email)
