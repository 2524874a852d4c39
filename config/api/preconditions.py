"""`If-Match` on PUT (RFC 9110 section 13.1.1): the change is made only to the representation that the client knows.

The tag is that of what GET would answer this caller now, taken in the transaction of the change. On SQLite that
transaction excludes every other writer; on PostgreSQL it is REPEATABLE READ, so that a row which somebody else has
changed meanwhile fails the write.
"""

from collections.abc import Callable
from copy import copy
from typing import Any

from django.db import OperationalError, connection, transaction
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.caching import names_tag, tag_of
from config.api.problems import PreconditionFailed

_SERIALIZATION_FAILURE = "40001"


def put_if_match(view: Any, put: Callable[..., Response], request: Request, *args: Any, **kwargs: Any) -> Response:
    """Calls the handler of a PUT. Its own refusals come first (section 13.2.1); then 412, and nothing is kept."""
    field = request.headers["If-Match"]
    if "get" not in view.action_map:
        raise PreconditionFailed("This address cannot be read, so it has no tag.")
    is_outermost = not connection.in_atomic_block
    view.forget_kept()
    try:
        with transaction.atomic():
            if is_outermost and connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            tag = _present_tag(view, request, *args, **kwargs)
            response = put(request, *args, **kwargs)
            if not names_tag(field, tag):
                raise PreconditionFailed
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == _SERIALIZATION_FAILURE:
            raise PreconditionFailed from error
        raise
    finally:
        view.forget_kept()
    return response


def _present_tag(view: Any, request: Request, *args: Any, **kwargs: Any) -> str | None:
    """The tag of the same address read by the same caller."""
    reader = type(view)()
    reader.action_map, reader.action, reader.format_kwarg = view.action_map, view.action_map["get"], None
    reader.headers = reader.default_response_headers
    reader.args, reader.kwargs = args, kwargs
    reader.request = reading = _as_get(request)
    answer: HttpResponseBase = getattr(reader, reader.action)(reading, *args, **kwargs)
    answer = reader.finalize_response(reading, answer, *args, **kwargs)
    return tag_of(answer.render() if isinstance(answer, Response) else answer)


def _as_get(request: Request) -> Request:
    reading = copy(request)
    reading._request = copy(request._request)  # noqa: SLF001 - DRF's wrapper takes its method from there
    reading._request.method = "GET"  # noqa: SLF001
    return reading
