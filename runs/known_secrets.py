"""What this server knows to be secret, by name, as one redactor for each run: nothing of it is stored in clear.

Known are the secret params, the project's own login at its remote, the values of its MCP servers, the server's own
keys, and what an executor lends its run (its token for the model gateway). Other projects' secrets are not looked for:
no run comes near them.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Aggregate, F, Model, OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Concat

from projects.mcp_servers import unseal
from projects.models import McpServer, Project, ProjectCredential
from runs.models import Run
from runs.redaction import Redactor
from runs.secret_forms import MIN_CHARACTERS
from settings_params import encryption_keys
from settings_params.encryption_keys import KeysUnusable
from settings_params.errors import SecretUnreadable
from settings_params.queries import secret_values
from settings_params.secrets import decrypt

Sealed = tuple[str | None, str | None]
"""The secrets of a project as one query has them: the ciphertext of its login, and those of its MCP servers."""
_COLUMNS = ("sealed_login", "sealed_mcp_servers")
Rows = TypeVar("Rows", bound=Model)
CREDENTIAL = "the project's credential"
_WORD = re.compile(r"[a-z]{,20}|[A-Z]{,20}|[A-Z]?[a-z]{,20}")
"""A password of the server's own that is a word (postgres, quarterdeck) would be found everywhere."""
_SCHEME = re.compile(r"[A-Za-z-]{1,20} +([^ ]+)")
_lent: dict[int, dict[str, str]] = {}


class _InOne(Aggregate):
    """All texts of a group in one, with blanks between them."""

    function, template, output_field = "STRING_AGG", "%(function)s(%(expressions)s, ' ')", TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, function="GROUP_CONCAT", **context)


_NAMED = Concat(F("name"), Value(":"), Cast("secret", TextField()), output_field=TextField())
"""Neither a server's name nor a ciphertext has blanks or colons in it."""


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
    return redactor(run.pk, _sealed_of(run.project_id))


def redactor_of_loaded(row: Model, run: Run) -> Redactor:
    """The same by what was loaded with a row of the run (`with_sealed`), for a request: that is short."""
    login, servers = (getattr(row, name) for name in _COLUMNS)
    return redactor(run.pk, (login, servers))


def with_sealed(rows: QuerySet[Rows], project: str) -> QuerySet[Rows]:
    """The rows with what `redactor_of_loaded` needs; they have the project by that name."""
    annotated: QuerySet[Rows] = rows.annotate(**dict(zip(_COLUMNS, sealed_in(project), strict=True)))
    return annotated


def redactor_of_project(project_id: int) -> Redactor:
    """For what is of a project and of no run."""
    return redactor(None, _sealed_of(project_id))


def sealed_in(project: str) -> tuple[Subquery, Subquery]:
    """The columns of `Sealed`, for a queryset whose rows have the project by that name."""
    credential = ProjectCredential.objects.filter(project=OuterRef(project)).values("secret")
    servers = McpServer.objects.filter(project=OuterRef(project)).exclude(secret="").order_by().values("project")
    return Subquery(credential[:1]), Subquery(servers.annotate(all=_InOne(_NAMED)).values("all"))


def _sealed_of(project_id: int) -> Sealed:
    rows = Project.objects.filter(pk=project_id).values_list(*sealed_in("pk"))
    return rows.first() or (None, None)


def redactor(run_id: int | None, sealed: Sealed) -> Redactor:
    """For a run (None: for its project itself), and what its project keeps."""
    known = {**_own_keys(), **_encryption_keys(), **secret_values()}
    credential, servers = sealed
    if credential and (opened := _opened(credential)):
        known[CREDENTIAL] = opened
    for named in (servers or "").split():
        server, _, ciphertext = named.partition(":")
        known |= mcp_secrets(server, _unsealed(ciphertext))
    if run_id in _lent:
        known |= _lent[run_id]
    return _redactor(frozenset(known.items()))


def mcp_secrets(server: str, values: Mapping[str, str]) -> dict[str, str]:
    """The values of an MCP server by the names that stand in place of them. Mere words are no secrets.

    Of a header with a scheme (`Bearer TOKEN`, RFC 9110 section 11.4) the token is looked for, wherever it stands; what
    only looks like one, as a passphrase of two words, is looked for as a whole.
    """
    return {f"{name} of {server}": _bare(value) for name, value in values.items() if not _WORD.fullmatch(value)}


def _bare(value: str) -> str:
    scheme = _SCHEME.fullmatch(value)
    is_token = scheme is not None and len(scheme[1]) >= MIN_CHARACTERS and not _WORD.fullmatch(scheme[1])
    return scheme[1] if scheme is not None and is_token else value


@lru_cache(maxsize=128)
def _unsealed(ciphertext: str) -> Mapping[str, str]:
    try:
        return unseal(ciphertext)
    except SecretUnreadable:
        return {}


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
