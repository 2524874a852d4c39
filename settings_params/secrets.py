"""Secrets at rest: text to ciphertext and back, and the model field that keeps ciphertext only.

A model keeps `secret = EncryptedTextField()`; a service writes `secret=encrypt(text)` in the transaction that stores
the row, and whoever needs the text calls `decrypt(row.secret)`. The rotation of keys finds the field by itself.
"""

from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import connection, models

from settings_params import encryption_keys
from settings_params.encryption_keys import KeysUnusable
from settings_params.errors import SecretUnreadable

ROTATION_LOCK = 0x51445345  # of pg_advisory_xact_lock: writers of secrets share it, dropping old keys takes it whole


def encrypt(text: str) -> str:
    """The ciphertext of a secret (a Fernet token). Call it inside the transaction that stores it.

    Raises SecretUnreadable when the keys are damaged.
    """
    if connection.vendor == "postgresql":  # on SQLite the transaction itself has the database alone
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [ROTATION_LOCK])
    try:
        return encryption_keys.keyring(settings.ENCRYPTION_KEY_FILE, make=True).encrypt(text.encode()).decode()
    except KeysUnusable as error:
        raise SecretUnreadable(str(error)) from None


def decrypt(token: str) -> str:
    """The secret that a ciphertext holds. Raises SecretUnreadable when no key opens it."""
    try:
        return encryption_keys.keyring(settings.ENCRYPTION_KEY_FILE, make=False).decrypt(token).decode()
    except InvalidToken:
        raise SecretUnreadable from None
    except KeysUnusable as error:
        raise SecretUnreadable(str(error)) from None


class EncryptedTextField(models.TextField[Any, Any]):
    """Ciphertext from `encrypt`, in Python as in the database; anything else is refused, and forms have no field."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "editable": False})

    def get_prep_value(self, value: Any) -> Any:
        if value and not str(value).startswith("gAAAA"):  # how every Fernet token begins: version 0x80, a time
            raise ValueError(f"{self.name} takes ciphertext: store encrypt(text).")
        return super().get_prep_value(value)
