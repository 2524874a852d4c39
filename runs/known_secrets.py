"""What this server knows to be secret, by name, as one redactor for each run: nothing of it is stored in clear.

Known are the secret params, the project's own login at its remote, the server's own keys, and what an executor lends
its run (its token for the model gateway). Other projects' logins are not looked for: no run comes near them.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from projects.models import ProjectCredential
from runs.models import Run
from runs.redaction import Redactor
from settings_params import encryption_keys
from settings_params.encryption_keys import KeysUnusable
from settings_params.errors import SecretUnreadable
from settings_params.queries import secret_values
from settings_params.secrets import decrypt

CREDENTIAL = "the project's credential"
_WORD = re.compile(r"[a-z]{,20}|[A-Z]{,20}|[A-Z]?[a-z]{,20}")
"""A password of the server's own that is a word (postgres, quarterdeck) would be found everywhere."""
_lent: dict[int, dict[str, str]] = {}


@contextmanager
def lent(run_id: int, secrets: Mapping[str, str]) -> Iterator[None]:
    """What only this process and the run's own processes know, by name, for as long as the body runs."""
    _lent[run_id] = {**_lent.get(run_id, {}), **secrets}
    try:
        yield
    finally:
        kept = {name: value for name, value in _lent.pop(run_id).items() if name not in secrets}
        if kept:
            _lent[run_id] = kept


def redactor_of(run: Run) -> Redactor:
    """For what is stored or shown of a run."""
    return redactor(run.pk, credential_of(run.project_id))


def redactor_of_loaded(run: Run) -> Redactor:
    """The same by what was loaded with the run (`project__credential`), for a request: that is short."""
    stored = getattr(run.project, "credential", None)
    return redactor(run.pk, stored.secret if stored else None)


def redactor_of_project(project_id: int) -> Redactor:
    """For what is of a project and of no run."""
    return redactor(None, credential_of(project_id))


def credential_of(project_id: int) -> str | None:
    """The ciphertext of the project's login, None where it has none."""
    return ProjectCredential.objects.filter(project=project_id).values_list("secret", flat=True).first()


def redactor(run_id: int | None, credential: str | None) -> Redactor:
    """For a run (None: for a project itself), and the ciphertext of its project's login."""
    known = {**_own_keys(), **_encryption_keys(), **secret_values()}
    if credential and (opened := _opened(credential)):
        known[CREDENTIAL] = opened
    if run_id in _lent:
        known |= _lent[run_id]
    return _redactor(frozenset(known.items()))


@lru_cache(maxsize=64)
def _redactor(known: frozenset[tuple[str, str]]) -> Redactor:
    return Redactor(dict(sorted(known)))


def _opened(credential: str) -> str | None:
    """None where no key opens it: then nobody can use it either."""
    try:
        return _decrypted(credential)
    except SecretUnreadable:
        return None


@lru_cache(maxsize=64)
def _decrypted(token: str) -> str:
    return decrypt(token)


@lru_cache(maxsize=1)
def _own_keys() -> Mapping[str, str]:
    """What the server itself was started with; it does not change while it runs."""
    passwords = {
        "DATABASE_URL": settings.DATABASES["default"].get("PASSWORD"),
        "REDIS_URL": urlsplit(os.environ.get("REDIS_URL", "")).password,
        "DJANGO_SUPERUSER_PASSWORD": os.environ.get("DJANGO_SUPERUSER_PASSWORD"),
    }
    telling = {name: value for name, value in passwords.items() if value and not _WORD.fullmatch(value)}
    return {"QUARTERDECK_SECRET_KEY": settings.SECRET_KEY, **telling}


def _encryption_keys() -> Mapping[str, str]:
    """The keys that secrets are stored under: a rotation changes their file."""
    path = settings.ENCRYPTION_KEY_FILE
    try:
        state = path.stat()
    except OSError:
        return _read_keys(path)
    return _read_keys(path, state.st_ino, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _read_keys(path: Path, *state: int) -> Mapping[str, str]:
    try:
        keys = encryption_keys.read_keys(path, make=False)
    except KeysUnusable:
        return {}
    return {f"encryption key {number}": key for number, key in enumerate(keys, start=1)}
