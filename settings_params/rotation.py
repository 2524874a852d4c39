"""Puts every stored secret under the newest encryption key, whatever app it belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.db import connection, models, transaction

from settings_params import encryption_keys
from settings_params.secrets import ROTATION_LOCK, EncryptedTextField


@dataclass(frozen=True)
class Rotation:
    """What came of it: secrets put under the newest key, secrets that no key opens, and how many keys are left."""

    reencrypted: int
    unreadable: int
    keys: int


def rotate_keys(*, add: bool, drop_old: bool) -> Rotation:
    """Adds a key (to the file only), re-encrypts all secrets, drops the other keys if nothing needs them any more.

    It may be killed at any point: the old keys stay until every secret is stored under the new one, and the next call
    goes on. Running processes notice the changed file by themselves.
    """
    path = settings.ENCRYPTION_KEY_FILE
    with encryption_keys.one_at_a_time(path):
        if add:
            encryption_keys.add_key(path)
        if not drop_old:
            return _reencrypt_all()
        with transaction.atomic():
            _keep_writers_out()
            done = _reencrypt_all()
            # Committed first: a file without the old keys beside secrets under them would lose those.
        if not done.unreadable and not encryption_keys.are_in_environment():
            encryption_keys.drop_old_keys(path)
        return Rotation(done.reencrypted, done.unreadable, len(encryption_keys.read_keys(path, make=True)))


def count_unreadable() -> int:
    """How many stored secrets the present keys do not open. Raises KeysUnusable; changes nothing."""
    tokens = list(_stored())
    if not tokens:
        return 0
    ring = encryption_keys.keyring(settings.ENCRYPTION_KEY_FILE, make=False)
    return sum(not _opens(ring, token) for *_, token in tokens)


def _opens(ring: MultiFernet, token: str) -> bool:
    try:
        ring.decrypt(token)
    except InvalidToken:
        return False
    return True


def _keep_writers_out() -> None:
    """From here to the commit nobody else stores a secret: SQLite's transactions are alone by themselves."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ROTATION_LOCK])


def _fields() -> Iterator[tuple[type[models.Model], str]]:
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, EncryptedTextField):
                yield model, field.name


def _stored() -> Iterator[tuple[type[models.Model], str, Any, str]]:
    """Every ciphertext with its model, field and row."""
    for model, name in _fields():
        rows = model._base_manager.exclude(**{name: None}).exclude(**{name: ""})
        for pk, token in rows.values_list("pk", name):
            yield model, name, pk, token


def _reencrypt_all() -> Rotation:
    keys = encryption_keys.read_keys(settings.ENCRYPTION_KEY_FILE, make=True)
    ring, newest = MultiFernet([Fernet(key) for key in keys]), Fernet(keys[0])
    results = [
        _reencrypt(model._base_manager.filter(pk=pk, **{name: token}), name, token, ring, newest)
        for model, name, pk, token in _stored()
    ]
    return Rotation(results.count("reencrypted"), results.count("unreadable"), len(keys))


def _reencrypt(row: models.QuerySet[Any], name: str, token: str, ring: MultiFernet, newest: Fernet) -> str:
    """`row` is chosen by its ciphertext too: a secret that was set anew meanwhile is not overwritten."""
    try:
        newest.decrypt(token)
    except InvalidToken:
        pass
    else:
        return "untouched"
    try:
        row.update(**{name: ring.rotate(token).decode()})
    except InvalidToken:
        return "unreadable"
    return "reencrypted"
