"""`Idempotency-Key` on POST: the same request again gives the same answer, and the work is done once.

A row of the setting `IDEMPOTENCY_MODEL` says first that the request is being worked on, and by which process. The
action and its kept answer then commit in one transaction: a kill leaves both or neither, and a row whose process is
dead is free for the next try. Actions that work on files for long (`view.outside_transaction`) keep their answer right
after: killed in between, they are done again, and the state machine says what that means (409 for most).
"""

import hashlib
import re
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import resolve
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.owners import is_owner_gone, owner_id
from config.api.problems import IdempotencyInProgress, IdempotencyKeyReused, InvalidParameter

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
LONGEST_WORK = timedelta(minutes=15)  # for rows of processes on other hosts, which cannot be asked whether they live
EXCLUDED = "/api/auth/"  # their answers hold tokens
_PURGED_AT_ONCE = 100
_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_NOT_KEPT = frozenset({401, 403, 429})
_HEADERS = ("Content-Type", "Location", "Retry-After")

Handler = Callable[..., HttpResponseBase]


def is_asked_for(request: Request) -> bool:
    """Whether a request is one that may be tried again under its key."""
    return request.method == "POST" and HEADER in request.headers and not request.path.startswith(EXCLUDED)


def once(view: Any, post: Handler, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """The handler's answer, kept for 24 hours under the caller's key; or the kept one, once access is sure again.

    409 `idempotency-in-progress`, 422 `idempotency-key-reused`, 400 `invalid-parameter` for what can be no key.
    """
    record, is_mine = _claim(request)
    if not is_mine:
        return _replay(view, record, request)
    try:
        return _carry_out(view, record, post, request, *args, **kwargs)
    finally:
        _mine(record).filter(status=None).delete()  # not kept: the next one may try


def _records() -> Any:
    model: Any = apps.get_model(settings.IDEMPOTENCY_MODEL)
    return model.objects


def _mine(record: Any) -> Any:
    """The row as long as nobody else has taken it over."""
    return _records().filter(pk=record.pk, owner=record.owner, created_at=record.created_at)


def _claim(request: Request) -> tuple[Any, bool]:
    """The row of this key, and whether the work is ours to do."""
    key = request.headers[HEADER]
    if not _KEY.fullmatch(key):
        raise InvalidParameter(f"{HEADER} has 1 to 255 printable ASCII characters.", parameter=HEADER)
    _purge()
    scope = {"user": request.user, "method": request.method, "path": request.path, "key": key}
    fresh: dict[str, Any] = {
        "request_sha256": _digest(request),
        "owner": owner_id(),
        "created_at": timezone.now(),
        "status": None,
    }
    record, is_new = _records().get_or_create(**scope, defaults=fresh)
    if is_new:
        return record, True
    if _is_free(record):
        if not _mine(record).update(**fresh):
            raise IdempotencyInProgress
        return _records().get(pk=record.pk), True
    if record.request_sha256 != fresh["request_sha256"]:
        raise IdempotencyKeyReused
    if record.status is None:
        raise IdempotencyInProgress
    return record, False


def _is_free(record: Any) -> bool:
    age = timezone.now() - record.created_at
    is_left_behind = record.status is None and (age > LONGEST_WORK or is_owner_gone(record.owner) is True)
    return age > KEPT_FOR or is_left_behind


def _digest(request: Request) -> str:
    """SHA-256 under the server's key, so that a password in a body cannot be guessed from it."""
    asked = [request.content_type, request._request.META.get("QUERY_STRING", "")]  # noqa: SLF001 - DRF may read it still
    whole = b"\0".join([*map(str.encode, asked), request._request.body])  # noqa: SLF001
    return salted_hmac(__name__, hashlib.sha256(whole).digest(), algorithm="sha256").hexdigest()


def _purge() -> None:
    old = _records().filter(created_at__lt=timezone.now() - KEPT_FOR).order_by("created_at")
    if ids := list(old.values_list("pk", flat=True)[:_PURGED_AT_ONCE]):
        _records().filter(pk__in=ids).delete()


def _carry_out(
    view: Any, record: Model, post: Handler, request: Request, *args: Any, **kwargs: Any
) -> HttpResponseBase:
    is_whole = view.action not in view.outside_transaction
    with transaction.atomic() if is_whole else nullcontext():
        response = _answer(view, post, request, *args, **kwargs)
        if response.status_code >= 500 and is_whole:
            transaction.set_rollback(True)
        elif _may_be_kept(response) and not _keep(record, response):
            raise IdempotencyInProgress  # somebody else took the work over, and what was done here is undone
    return response


def _answer(view: Any, post: Handler, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """What the view answers, errors included, down to the bytes."""
    response: HttpResponseBase
    try:
        response = post(request, *args, **kwargs)
    except Exception as error:
        response = view.handle_exception(error)
    response = view.finalize_response(request, response, *args, **kwargs)
    return response.render() if isinstance(response, Response) else response


def _may_be_kept(response: HttpResponseBase) -> bool:
    is_secret = "no-store" in response.headers.get("Cache-Control", "")
    return response.status_code < 500 and response.status_code not in _NOT_KEPT and not is_secret


def _keep(record: Model, response: HttpResponseBase) -> bool:
    headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
    body = response.content if isinstance(response, HttpResponse) else b""
    kept: int = _mine(record).update(status=response.status_code, headers=headers, body=body)
    return bool(kept)


def _replay(view: Any, record: Any, request: Request) -> HttpResponse:
    view.check_visible()
    if location := record.headers.get("Location"):
        _check_location(location, request)
    response = HttpResponse(bytes(record.body), status=record.status)
    del response.headers["Content-Type"]
    for name, value in {**record.headers, "Idempotency-Replayed": "true"}.items():
        response.headers[name] = value
    return response


def _check_location(location: str, request: Request) -> None:
    """404 when the caller may not, or no longer, see what the kept answer made."""
    match: Any = resolve(location)
    made = match.func.cls()
    made.action_map, made.action, made.format_kwarg = match.func.actions, "retrieve", None
    made.request, made.args, made.kwargs = request, match.args, match.kwargs
    made.check_visible()
